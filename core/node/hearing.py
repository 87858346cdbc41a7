"""Hearing what machined tells a daemon over its socket, through every restart of machined. Owns the waiting and what is
said of it, not what is asked."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.rpc.status import RpcError

T = TypeVar("T")


async def keep_hearing(
    ask: Callable[[], AsyncIterator[T]], clock: Clock, take: Callable[[T], None], away: Callable[[RpcError], None]
) -> None:
    """Call `take` with each answer, and ask anew when they end, until cancelled. `away` is told once of each time that
    machined goes; at first it may well still be starting, which is nothing to tell of."""
    backoff = Backoff(first=0.005, cap=1.0, first_free=True)
    there = False
    while True:
        try:
            async for answer in ask():
                backoff.succeeded()
                there = True
                take(answer)
        except RpcError as error:
            if there:
                away(error)
                there = False
        await clock.sleep(backoff.failed())
