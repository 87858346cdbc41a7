"""How a process ended, whoever may reap it: this process for its own children, init for those it adopted."""

import signal

from core.linux.init import Init
from ext import reap
from ext import sys as kernel

UNKNOWN = signal.SIGKILL  # the status of an exit that nobody recorded: as if killed


def exit_status(pidfd: int, pid: int, start_time: int, init: Init) -> int | None:
    """The status (as waitpid) of the ended process behind `pidfd`; None while init has yet to reap it."""
    try:
        dead = reap.wait(pidfd)
    except ChildProcessError:
        return _recorded(pidfd, pid, start_time, init)
    return None if dead is None else dead.status


def _recorded(pidfd: int, pid: int, start_time: int, init: Init) -> int | None:
    # asked before the journal is read: once it is reaped, it is in the journal or never will be
    reaped = _is_reaped(pidfd)
    exit_ = init.exit_of(pid, start_time)
    if exit_ is not None:
        return exit_.status
    return int(UNKNOWN) if reaped else None


def _is_reaped(pidfd: int) -> bool:
    try:
        kernel.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return True
    return False
