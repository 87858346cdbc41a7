"""Who is forked, with which rights: the daemons and the jobs of workers, as data."""

import signal
from dataclasses import dataclass
from typing import Final

from core.linux.seccomp import Filter
from daemons.spawner import calls
from ext import sys as kernel

ALL: Final = (1 << 64) - 1
NOBODY: Final = 65534


@dataclass(frozen=True, slots=True)
class Rights:
    """What a child keeps. `capabilities` is a mask for all its sets and the bounding set."""

    uid: int
    capabilities: int
    own_mounts: bool = True
    no_new_privileges: bool = True
    filter: Filter | None = calls.DAEMON
    oom_score: int | None = None


@dataclass(frozen=True, slots=True)
class Daemon:
    """A long-lived child: `module.main(context)`, which beats every `beat` seconds. With `init` it may talk to PID 1;
    without, its output is piped. One that is `asked` for runs only while machined wants it. One with a `port` is given
    the socket that listens there."""

    name: str
    module: str
    rights: Rights
    beat: float = 15.0
    init: bool = False
    asked: bool = False
    port: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A worker's function (bytes -> bytes), who may ask for it, and the control group of its process, if there is one:
    machined makes it (`core.node.services.groups`)."""

    function: str
    rights: Rights
    callers: tuple[str, ...] = ("machined",)
    cgroup: str = "system/workers"


# machined stays in init's mount namespace, since its successor must see what it mounted, and may gain rights by exec,
# since all containers are its descendants
MACHINED: Final = Daemon(
    "machined",
    "daemons.machined",
    Rights(
        0, ALL & ~(1 << kernel.CAP_SYS_BOOT), own_mounts=False, no_new_privileges=False, filter=None, oom_score=-999
    ),
    beat=5.0,  # init pets the watchdog for each
    init=True,
)
APID: Final = Daemon("apid", "daemons.apid", Rights(50, 0, oom_score=-998), port=50000)
TRUSTD: Final = Daemon("trustd", "daemons.trustd", Rights(51, 0, oom_score=-998), asked=True, port=50001)

DAEMONS: Final = (MACHINED, APID, TRUSTD)
JOBS: Final = (Job("core.pki.jobs:issue", Rights(NOBODY, 0, filter=calls.WORKER)),)
CRASHES: Final = frozenset(
    (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGFPE, signal.SIGSYS, signal.SIGTRAP)
)
