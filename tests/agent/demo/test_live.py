"""The live table: it fits the terminal, gives up the least first, and never takes a device name for markup."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from agent.demo.live import draw
from agent.demo.table import Row, View

PRESS = Row(asset_id="press-07-plc", manufacturer="ACME", product="P7", firmware="2.1", requests=3, state="identified")


def view(*rows: Row, news: tuple[str, ...] = ()) -> View:
    return View(
        at_s=12, seconds=60, headline="the broker is killed", rows=rows, gateway="g", receiver="r", processes="p", news=news
    )


def drawn(moment: View, width: int, height: int = 30) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False, markup=False, highlight=False)
    console.print(draw(moment, width=width, height=height))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24)])
def test_eleven_assets_fit_the_terminal(width: int, height: int) -> None:
    rows = tuple(
        replace(PRESS, asset_id=f"asset-{n}", product="a product name of some length", serial="SN-123456") for n in range(11)
    )
    lines = drawn(view(*rows, news=tuple(f"news {n}" for n in range(50))), width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert "news 49" in lines[-1]


def test_narrow_terminal_gives_up_the_serial_number_first() -> None:
    assert "serial" in "".join(drawn(view(PRESS), 100))
    assert "serial" not in "".join(drawn(view(PRESS), 80))


def test_narrow_terminal_keeps_names_of_assets_whole() -> None:
    long = replace(
        PRESS, asset_id="conveyor-3-io", manufacturer="ACME Automation", product="Oven Controller TC-40", state="unreachable"
    )
    line = next(line for line in drawn(view(long), 80) if "conveyor" in line)
    assert "conveyor-3-io" in line
    assert line.rstrip().endswith("unreachable")


def test_markup_in_a_device_name_is_drawn_as_text() -> None:
    assert any("[red]ACME[/]" in line for line in drawn(view(replace(PRESS, manufacturer="[red]ACME[/]")), 100))
