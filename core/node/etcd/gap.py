"""What has to be done with etcd's data while etcd does not run: between the end of one process and the start of the
next. Owns the order; starts and ends nothing, so that who runs etcd goes on whatever becomes of the one who asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from core.base.errors import IchorError

T = TypeVar("T")


class Gap:
    """One of a node, on one loop."""

    def __init__(self) -> None:
        self._asked: list[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = []

    def ask(self, work: Callable[[], Awaitable[T]]) -> "asyncio.Future[T]":
        """`work` is done before etcd's next start; its result, or the IchorError or OSError it raised. Who
        cancels it leaves nothing to be done."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._asked.append((work, answer))
        return answer

    async def work(self) -> None:
        """Do what was asked; etcd does not run. What this is cancelled in is done the next time."""
        while self._asked:
            work, answer = self._asked[0]
            if not answer.done():
                await _answer(work, answer)
            self._asked.pop(0)


async def _answer(work: Callable[[], Awaitable[T]], answer: "asyncio.Future[T]") -> None:
    try:
        result = await work()
    except (IchorError, OSError) as error:
        if not answer.done():
            answer.set_exception(error)
    else:
        if not answer.done():
            answer.set_result(result)
