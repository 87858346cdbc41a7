"""The fork itself. Before it: proof that this process still holds nothing. After it, in the child: confinement, the
given work, then an exit that runs nothing of the parent's. A child never returns from here."""

import gc
import os
import ssl
import sys
import traceback
from asyncio import events
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from daemons.spawner.confine import confine
from daemons.spawner.table import Rights


class Impure(RuntimeError):
    """The spawner holds what it must never hold. It ends itself rather than hand that to a child."""


def check_pure(own: Iterable[int]) -> None:
    """Raise Impure unless there is one thread, no loop, no TLS context, and no descriptor but `own`."""
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise Impure(f"{threads} threads in the spawner")
    if events._get_running_loop() is not None:
        raise Impure("an event loop runs in the spawner")
    if any(isinstance(thing, ssl.SSLContext) for thing in gc.get_objects()):
        raise Impure("a TLS context lives in the spawner")
    known = {str(fd) for fd in own}
    listed = [entry for entry in Path("/proc/self/fd").iterdir() if entry.name not in known]
    strange = sorted(entry.name for entry in listed if entry.is_symlink())  # the listing's own is closed again by now
    if strange:
        raise Impure(f"descriptors {', '.join(strange)} in the spawner are nobody's")


def fork(
    rights: Rights,
    keep: Iterable[int],
    prepare: Callable[[], None],
    work: Callable[[], None],
    failed: Callable[[BaseException], None] | None = None,
) -> int:
    """Fork a child that runs `prepare` with all it inherited, then `work` confined, and exits: 0 when that returns, 1
    when it raises, which is told to `failed` or else printed. `keep` is read in between. The pid, in the parent."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        prepare()
        confine(rights, keep)
        work()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:  # noqa: BLE001 - the process's edge: nothing may climb into the parent's frames
        (failed or traceback.print_exception)(error)
    finally:
        _leave(status)


def _leave(status: int) -> NoReturn:
    """Say what is left to say, if anybody takes it, and end without running what the parent registered."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)
