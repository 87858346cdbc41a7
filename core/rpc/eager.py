"""Start a coroutine at once, in the caller's turn, and make a Task of it only when it waits for something.

Most unary handlers never wait, so that most calls cost no Task and no trip through the loop. While the first step runs,
`asyncio.current_task()` is a stand-in that passes cancellation on to the Task made later, so that `asyncio.timeout` and
TaskGroup work from the first line on.
"""

import asyncio
import contextvars
from collections.abc import Coroutine, Generator
from typing import Any


class _StandIn:
    """The current task during the first step, and what scopes opened then keep holding."""

    __slots__ = ("requests", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.requests = 0

    def cancel(self, msg: Any = None) -> bool:
        if self.task is not None:
            return self.task.cancel(msg)
        self.requests += 1
        return True

    def uncancel(self) -> int:
        if self.task is not None:
            return self.task.uncancel()
        self.requests = max(0, self.requests - 1)
        return self.requests

    def cancelling(self) -> int:
        return self.task.cancelling() if self.task is not None else self.requests

    def done(self) -> bool:
        return self.task is not None and self.task.done()

    def get_name(self) -> str:
        return self.task.get_name() if self.task is not None else "first step"


class _Rest(Coroutine[Any, Any, None]):
    """A coroutine after its first step: hands what it waits for to the Task, then goes on with it."""

    __slots__ = ("coroutine", "first", "fresh")

    def __init__(self, coroutine: Coroutine[Any, Any, None], first: Any) -> None:
        self.coroutine = coroutine
        self.first = first
        self.fresh = True

    def send(self, value: Any) -> Any:
        if self.fresh:
            self.fresh = False
            return self.first
        return self.coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        if self.fresh:
            self.fresh = False
            cancelled = isinstance(error[0], asyncio.CancelledError) or error[0] is asyncio.CancelledError
            if cancelled and self.first is not None and self.first.cancel():
                return self.first  # as Task.cancel does: first what is awaited ends, then the coroutine hears of it
        return self.coroutine.throw(*error)

    def close(self) -> None:
        self.coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise RuntimeError("only a Task runs this")


def start(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run the coroutine up to its first wait; None when it is through, else the Task that goes on with it."""
    context = contextvars.copy_context()
    stand_in = _StandIn()
    asyncio.tasks._enter_task(loop, stand_in)  # type: ignore[arg-type]  # the documented hook for other task types
    try:
        first = context.run(coroutine.send, None)
    except (StopIteration, asyncio.CancelledError):
        return None
    finally:
        asyncio.tasks._leave_task(loop, stand_in)  # type: ignore[arg-type]  # as above
    task: asyncio.Task[None] = loop.create_task(_Rest(coroutine, first), context=context)
    stand_in.task = task
    for _ in range(stand_in.requests):
        task.cancel()
    return task
