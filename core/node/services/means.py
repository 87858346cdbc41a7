"""What a runner needs of the two ways in which a service's process comes to be."""

from typing import Protocol

from core.linux.process import Process


class Means(Protocol):
    """`what` it is, as people read it."""

    what: str

    async def ready(self) -> None:
        """Do what comes before each start."""

    async def clear(self) -> None:
        """End all that is left of the one before."""

    async def start(self) -> Process:
        """Start it, in its group and with its log."""

    def adopt(self, pid: int, pidfd: int, start_time: int) -> Process:
        """Take over one that lives; it owns the pidfd from now on."""
