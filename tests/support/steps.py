"""Whatever a node does that lasts, counted, and the node killed after any one of these steps: what is on disk, at etcd
or started by then stays, and nothing else. The steps are found in the code, so that a new one is killed at too."""

import asyncio
import inspect
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from core.base import offload
from core.cluster.etcd.client import Etcd
from core.cluster.etcd.journal import Entry, Journal
from tests.support.etcd import Running

SECONDS: Final = 120
READS: Final = {"close", "serves", "get", "members", "status", "alarms", "snapshot", "claims"}
DISK: Final = ((Journal, "write"), (Path, "rename"), (shutil, "rmtree"), (Running, "start"), (Running, "kill"))


def steps() -> list[tuple[Any, str]]:
    """What is counted: writes of the journal, moves and deletions of data, starts and ends, and all that changes
    etcd."""
    asked = [name for name, _ in inspect.getmembers(Etcd, inspect.iscoroutinefunction) if not name.startswith("_")]
    return [*DISK, *((Etcd, name) for name in asked if name not in READS)]


def taken(job: Callable[[], Coroutine[Any, Any, object]]) -> list[str]:
    """Run `job` to its end in a process of its own: the kinds of steps it took, in their order. What it started lives
    on."""
    status, steps = _run(job, "")
    assert status == 0, "the job failed"
    return list(dict.fromkeys(steps))


def killed_after(step: str, job: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run `job` in a process of its own that is killed as soon as the first step of that kind was taken."""
    status, steps = _run(job, step)
    assert status == -signal.SIGKILL, f"the job ended by {status} after {steps}"


def _run(job: Callable[[], Coroutine[Any, Any, object]], last: str) -> tuple[int, list[str]]:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            getattr(offload, "_crew").cache_clear()  # noqa: B009 - threads do not survive a fork
            with _counting(write, last):
                asyncio.run(_bounded(job))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - it must not go on as a second run of the tests
            traceback.print_exc()
            os._exit(1)
    os.close(write)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with os.fdopen(read) as told:
        return status, told.read().splitlines()


async def _bounded(job: Callable[[], Coroutine[Any, Any, object]]) -> None:
    async with asyncio.timeout(SECONDS):
        await job()


@contextmanager
def _counting(report: int, last: str) -> Iterator[None]:
    os.set_inheritable(report, False)

    def tell(name: str) -> None:
        os.write(report, f"{name}\n".encode())
        if name == last:
            os.kill(os.getpid(), signal.SIGKILL)

    with ExitStack() as stack:
        for owner, name in steps():
            stack.enter_context(patch.object(owner, name, _told(getattr(owner, name), tell)))
        yield


def _told(function: Callable[..., Any], tell: Callable[[str], None]) -> Callable[..., Any]:
    name = getattr(function, "__qualname__", str(function))
    if inspect.iscoroutinefunction(function):

        async def later(*args: Any, **kwargs: Any) -> Any:
            result = await function(*args, **kwargs)
            tell(name)
            return result

        return later

    def now(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        written = [f"{each.stage}{' of a member' * bool(each.member)}" for each in args if isinstance(each, Entry)]
        tell(" ".join([name, *written]))
        return result

    return now
