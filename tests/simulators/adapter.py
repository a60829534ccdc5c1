"""A serial adapter that can be pulled out and plugged in again: a real pseudo terminal behind one and the same link.

Decides nothing. Each plug is a new terminal with a number of its own, as udev makes one, and the link in by-id leads to it.
"""

import asyncio
import os
import pty
import tty
from pathlib import Path
from typing import Self

from agent.demo.modbus_device import Unit, checksum


class Adapter:
    """One adapter with one device on its line. Plugged in as long as the `with` block lasts, or until it is pulled."""

    def __init__(self, port: Path, unit: Unit, *, pulled_after: int = 1000) -> None:
        """Take where the link is, what is on the line, and after how many answers the adapter is pulled out."""
        self._port = port
        self._questions = 0
        self._unit = unit
        self._pulled_after = pulled_after
        self._ends: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        far_end, near_end = self._ends = (
            pty.openpty()
        )  # the near end stays open here, or the far end would hang up between visits
        tty.setraw(near_end)
        self._port.unlink(missing_ok=True)
        self._port.symlink_to(os.ttyname(near_end))
        asyncio.get_running_loop().add_reader(far_end, self._hear, far_end)
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()

    def pull(self) -> None:
        """Pull it out: the terminal is gone, and so is the link, as udev takes it away."""
        if self._ends:
            asyncio.get_running_loop().remove_reader(self._ends[0])
            for end in self._ends:
                os.close(end)
            self._ends = ()
            self._port.unlink()

    def _hear(self, far_end: int) -> None:
        frame = os.read(far_end, 256)  # a pseudo terminal hands over each write as a whole
        self._questions += 1
        if self._questions > self._pulled_after:
            self.pull()
            return
        answer = frame[:1] + self._unit.answer(frame[1:-2])
        os.write(far_end, answer + checksum(answer))
