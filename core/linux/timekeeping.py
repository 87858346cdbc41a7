"""The machine's clock: stepped, slewed, and never before a floor. Every way to it asks the capabilities table first: a
container node's clock is its host's."""

import time
from pathlib import Path
from typing import Final, Protocol

from core.base.files import write_atomic
from core.linux.capabilities import Capabilities
from ext.sys import slew

SLEW_RATE: Final = 0.0005  # the kernel's, seconds per second


class Steering(Protocol):
    """What may be done to a clock."""

    def step(self, seconds: float) -> None:
        """Set it that much forward."""

    def slew(self, seconds: float) -> None:
        """Let it drift there."""


class KernelClock:
    """CLOCK_REALTIME. Raises Unsupported where the node may not touch it."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities

    def step(self, seconds: float) -> None:
        self._capabilities.need("clock")
        time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns() + round(seconds * 1e9))

    def slew(self, seconds: float) -> None:
        self._capabilities.need("clock")
        slew(round(seconds * 1e6))


def last_known(path: Path) -> float:
    """The time that `remember` wrote, 0.0 if there is none that can be read as one."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return 0.0
    return float(text) if text.strip().isdecimal() else 0.0


def remember(path: Path, moment: float) -> None:
    """Keep the time for the next boot of a machine without a battery."""
    write_atomic(path, f"{int(moment)}\n".encode())
