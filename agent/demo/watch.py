"""What the demo tells a person while it runs: it looks where an engineer and an ISMS officer would look, and nowhere else.

Decides when to look and what is news. Reads the gateway's journal and asks the receiver's command line; never asks a device, and
never stops the play because a look failed.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from agent.demo.books import ask_gateway, progress
from agent.demo.install import Files
from agent.demo.processes import Child
from agent.demo.scene import CAST
from agent.demo.table import Row, Screen, View, news, row
from agent.wiring import asset_states
from buffer.errors import SpoolError
from config.model import Plant

LOOK_EVERY_S = 0.5
ASK_RECEIVER_EVERY_S = 3.0


class Watch:
    """The demo's eyes and voice.

    Attributes:
        rows: The assets as the gateway knows them now.
    """

    def __init__(
        self, plant: Plant, files: Files, crew: Mapping[str, Child], screen: Screen, *, seconds: float, clock: Callable[[], float]
    ) -> None:
        self.rows: tuple[Row, ...] = tuple(row(part.asset_id, None) for part in CAST)
        self._plant = plant
        self._files = files
        self._crew = crew
        self._screen = screen
        self._seconds = seconds
        self._clock = clock
        self._headline = ""
        self._news: list[str] = []
        self._gateway = ""
        self._receiver = ""

    async def run(self) -> None:
        """Look and show until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_at_receiver())
            while True:
                await self.look()
                await asyncio.sleep(LOOK_EVERY_S)

    def state(self, asset_id: str) -> str:
        """Return how the newest look at an asset ended."""
        return next((line.state for line in self.rows if line.asset_id == asset_id), "")

    def say(self, sentence: str) -> None:
        """Tell what happens now."""
        self._headline = sentence
        self._tell(sentence)

    async def look(self) -> None:
        """Look at the gateway once, and show it."""
        try:
            states = await asyncio.to_thread(asset_states, self._plant)
            self._gateway = gateway_line(*await asyncio.to_thread(progress, self._plant))
        except (OSError, SpoolError):
            return self._show()  # collect has not begun, or is writing: the last look stands
        rows = tuple(row(part.asset_id, states.get(part.asset_id)) for part in CAST)
        for sentence in news(self.rows, rows):
            self._tell(sentence)
        self.rows = rows
        return self._show()

    async def _look_at_receiver(self) -> None:
        while True:
            gateway = await ask_gateway(self._files)
            if gateway is not None:
                self._receiver = receiver_line(gateway)
            await asyncio.sleep(ASK_RECEIVER_EVERY_S)

    def _tell(self, sentence: str) -> None:
        self._news.append(f"{self._clock():5.0f} s  {sentence}")

    def _show(self) -> None:
        self._screen.show(
            View(
                at_s=self._clock(),
                seconds=self._seconds,
                headline=self._headline,
                rows=self.rows,
                gateway=self._gateway,
                receiver=self._receiver,
                processes=process_line(self._crew),
                news=tuple(self._news),
            )
        )


def process_line(crew: Mapping[str, Child]) -> str:
    """Say who runs, with process ids, so that a person can kill one and see what happens."""
    return "processes: " + ", ".join(_process(child) for child in crew.values())


def _process(child: Child) -> str:
    restarted = f" (restarted {child.deaths}x)" if child.deaths else ""
    return f"{child.name} {child.pid or 'down'}{restarted}"


def gateway_line(recorded: int, folded: int) -> str:
    """Say how far the gateway has come."""
    return f"gateway:   {recorded} records written down by collect, {folded} of them signed by publish"


def receiver_line(gateway: Mapping[str, Any]) -> str:
    """Say what the receiver holds."""
    records, forks, breaks = gateway["records"], gateway["forks"], gateway["breaks"]
    trouble = f", {forks} forks, {breaks} breaks" if forks or breaks else ""
    return f"receiver:  {records} reports verified and stored{trouble}; the gateway's last word: {gateway['status']}"
