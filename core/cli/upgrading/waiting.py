"""Waiting until something is well, and saying on a terminal's last line what it lacks until then. Whoever does not
answer is taken for one that is being started; every wait has an end."""

from collections.abc import Awaitable, Callable
from typing import Final

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.base.errors import NotFound, NotReady
from core.cli.imagepull import Board
from core.rpc.status import RpcError

PATIENCE: Final = 600.0  # for a part to come up: its image may have to be fetched, its files to be read from slow disks
Look = Callable[[], Awaitable[str]]
"""What is lacking, in words; empty when nothing is."""


class Waiting:
    """`board` is the line."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self.board = clock, Board()

    async def until(self, what: str, look: Look, seconds: float = PATIENCE) -> None:
        """Until nothing is lacking. Raises NotReady after so many seconds, naming the lack."""
        end, backoff = self._clock.monotonic() + seconds, Backoff(first=0.1, cap=1.0)
        with self.board.place(what) as show:
            while lacks := await _looked(look):
                if self._clock.monotonic() > end:
                    raise NotReady(f"{what}: {lacks}", remedy="see to it, then run this again: it goes on from here")
                show(lacks)
                await self._clock.sleep(backoff.failed())


async def _looked(look: Look) -> str:
    try:
        return await look()
    except (RpcError, NotReady, NotFound) as error:
        return str(error)
