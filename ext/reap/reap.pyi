from collections.abc import Mapping, Sequence
from typing import NamedTuple

class Dead(NamedTuple):
    pid: int
    status: int
    user: float
    system: float
    max_rss: int

def start_time(pid: int) -> int: ...
def spawn_process(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    directory: str = "/",
    fds: Sequence[int] = (),
    procs: Sequence[int] = (),
    cgroup: int = -1,
    namespaces: int = 0,
    uid: int = 0,
    gid: int = 0,
    groups: Sequence[int] = (),
    keep: int = 0,
    no_new_privs: bool = False,
    seccomp: bytes = b"",
    limits: Sequence[tuple[int, int, int]] = (),
    oom_score: int | None = None,
) -> tuple[int, int]: ...
def wait(pidfd: int) -> Dead | None: ...
def collect(limit: int = 64) -> list[Dead]: ...
