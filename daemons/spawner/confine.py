"""The first acts of a forked child, in an order that matters: descriptors, signals, mounts, identity; the filter last,
because it takes away what the earlier ones need. Runs in the child alone; any failure ends the child."""

import os
import random
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.linux import seccomp
from core.linux.mount import MS, mount, mounts, umount
from daemons.spawner.table import Rights
from ext import sys as kernel

_LAST_FD: Final = (1 << 32) - 1
# the system, machined's sockets in /system/run, what /etc links to in /run
_SEEN: Final = frozenset(("/", "/dev", "/etc", "/proc", "/run", "/system", "/usr"))
_SEEN_WHOLE: Final = ("/proc/", "/usr/")


def confine(rights: Rights, keep: Iterable[int]) -> None:
    """Keep the descriptors in `keep` and the rights in `rights`, and nothing else."""
    close_others(keep)
    reset_signals()
    os.setsid()
    if rights.oom_score is not None:
        _set_oom_score(rights.oom_score)
    if rights.own_mounts:
        narrow_mounts()
    _become(rights)
    if rights.no_new_privileges:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    random.seed()
    if rights.filter is not None:
        seccomp.load(rights.filter)


def close_others(keep: Iterable[int]) -> None:
    """Close every descriptor but those in `keep`."""
    first = 0
    for fd in sorted(set(keep)):
        if fd > first:
            kernel.close_range(first, fd - 1)
        first = fd + 1
    kernel.close_range(first, _LAST_FD)


def reset_signals() -> None:
    """Standard dispositions, nothing blocked; a broken pipe is an error to handle and not a death."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def narrow_mounts() -> None:
    """A mount namespace of its own, in which nothing can be written and nothing is seen but the system itself. Without
    the node's volumes, so that what machined unmounts is not kept busy here; what it mounts later does not come."""
    kernel.unshare(kernel.CLONE_NEWNS)
    mount(None, "/", None, MS.REC | MS.PRIVATE)
    gone: tuple[str, ...] = ()
    for seen in mounts():
        if seen.target.startswith(gone):
            continue
        if seen.target not in _SEEN and not seen.target.startswith(_SEEN_WHOLE):
            umount(seen.target, lazy=True)
            gone = (*gone, f"{seen.target}/")
        elif not seen.options.startswith("ro"):
            devices = 0 if seen.target == "/dev" else MS.NODEV
            programs = MS.NOEXEC if "noexec" in seen.options.split(",") else 0
            mount(None, seen.target, None, MS.BIND | MS.REMOUNT | MS.RDONLY | MS.NOSUID | devices | programs)


def _set_oom_score(score: int) -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text(str(score))
    except PermissionError:
        if kernel.capget()[0] >> kernel.CAP_SYS_RESOURCE & 1:
            raise
        # a host that withholds CAP_SYS_RESOURCE lets nobody lower it


def _become(rights: Rights) -> None:
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())  # this kernel's, not the build's
    for capability in range(last + 1):
        if not rights.capabilities >> capability & 1 and kernel.prctl(kernel.PR_CAPBSET_READ, capability):
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
    if rights.uid:
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
    os.setgroups(())
    os.setresgid(rights.uid, rights.uid, rights.uid)
    os.setresuid(rights.uid, rights.uid, rights.uid)
    kept = kernel.capget()[1] & rights.capabilities
    kernel.capset(kept, kept, 0)
