"""A node's skeleton on this machine: init as PID 1 of fresh pid and mount namespaces, on a root put together from this
machine's /usr and the checkout, with the checkout's launch, spawner and (or stand-ins for) daemons. Always killed."""

import fcntl
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.linux.init import Init
from ext import reap
from ext import sys as kernel

CHECKOUT: Final = Path(__file__).parents[2]
BUILT: Final = CHECKOUT / "_out" / "test"
WARNINGS: Final = ("-Wall", "-Wextra", "-Werror", "-std=gnu11", "-O2", "-g")
SANITIZERS: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
CODE: Final = "/usr/libexec/ichor/code"
STAND_INS: Final = Path(__file__).parent / "node" / "daemons"
_ROOT: Final = """
set -e
ip link set lo up
mount --make-rprivate /
mount -t tmpfs tmpfs "$ROOT"
cd "$ROOT"
mkdir -p usr etc dev proc sys run tmp var system system/state
ln -s usr/bin usr/sbin usr/lib usr/lib64 .
mount --rbind /usr usr && mount --rbind /dev dev && mount --bind /etc etc
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p ".$CHECKOUT" && mount --rbind "$CHECKOUT" ".$CHECKOUT"
mount --bind "$STATE" system/state
mount -t tmpfs tmpfs usr/libexec
mkdir -p usr/libexec/ichor/code/daemons
cp "$INIT" usr/libexec/ichor/init
cp "$LAUNCH" usr/libexec/ichor/launch
cd usr/libexec/ichor/code
ln -s "$CHECKOUT/core" "$EXT" .
ln -s "$CHECKOUT"/daemons/* daemons/
if [ -n "$DAEMONS" ]; then ln -sf "$DAEMONS"/*.py daemons/; fi
if [ -d "$DAEMONS/spawner" ]; then
  rm daemons/spawner; mkdir daemons/spawner
  ln -s "$CHECKOUT"/daemons/spawner/* daemons/spawner/
  ln -sf "$DAEMONS"/spawner/*.py daemons/spawner/
fi
cd "$ROOT"
mkdir -p old && pivot_root . old && cd / && umount -l old
exec /usr/libexec/ichor/init
"""
units = CHECKOUT / "ext"  # tests.debug has others, with which every node's programs are instrumented too


@dataclass
class Node:
    """A running node. `pid` is init's on this machine; every pid told by the node is one of its own namespace."""

    pid: int
    pidfd: int
    console: Path
    state: Path
    _connections: ExitStack = field(default_factory=ExitStack)
    _dead: reap.Dead | None = None

    def init(self) -> Init:
        """A new connection to its PID 1, closed with the node."""
        made = Init(f"/proc/{self.pid}/root/run/ichor/init.sock")
        self._connections.callback(made.close)
        return made

    def path(self, path: str) -> Path:
        """A path inside, as this machine reaches it."""
        return Path(f"/proc/{self.pid}/root{path}")

    def processes(self) -> dict[int, str]:
        """Every process: pid inside -> name."""
        found = {}
        for entry in self.path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
                except (FileNotFoundError, ProcessLookupError):
                    continue  # ended between the two
        return found

    def pid_of(self, name: str) -> int:
        """The process called `name`, the oldest (a fresh fork still has its parent's name); 0 when there is none."""
        return min((pid for pid, comm in self.processes().items() if comm == name), default=0)

    def outside(self, pid: int) -> int:
        """This machine's number of the process `pid` of the node."""
        while not (outer := self._below(pid)):
            # an orphan changes its parent while we walk, and is seen at neither of the two
            if not self.path(f"/proc/{pid}").exists():
                raise ProcessLookupError(pid)
        return outer

    def _below(self, pid: int) -> int:
        """The same by one walk from parents to children; 0 when it was not met."""
        children = [self.pid]
        while children:
            outer = children.pop()
            try:
                status = Path(f"/proc/{outer}/status").read_text()
                children += map(int, Path(f"/proc/{outer}/task/{outer}/children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
            if f"\nNSpid:\t{outer}\t{pid}\n" in status:
                return outer
        return 0

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Signal a process of the node."""
        os.kill(self.outside(pid), number)

    def ended(self, timeout: float = 30.0) -> reap.Dead:
        """How PID 1 ended, once it has."""
        until(self.is_over, timeout, "PID 1 to end")
        assert self._dead is not None
        return self._dead

    def is_over(self) -> bool:
        """Whether PID 1 has ended; it is reaped then."""
        if self._dead is None:
            self._dead = reap.wait(self.pidfd)
        return self._dead is not None

    def close(self) -> None:
        """Kill it, unless it has ended, and let go of all."""
        self._connections.close()
        if not self.is_over():
            kernel.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            self.ended()
        os.close(self.pidfd)


def until(condition: Callable[[], object], timeout: float = 15.0, what: str = "it") -> None:
    """Look every 10 ms until `condition` holds; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        time.sleep(0.01)


def build(name: str, *flags: str, sanitize: bool = False) -> Path:
    """Compile ext/`name`/*.c into _out/test when a source is newer; safe among parallel test runs."""
    BUILT.mkdir(parents=True, exist_ok=True)
    target = BUILT / f"{name}{'-sanitized' if sanitize else ''}"
    sources = sorted((CHECKOUT / "ext" / name).glob("*.[ch]"))
    if sanitize:
        sources.append(Path(__file__).with_name("asan.c"))
    with (BUILT / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists() or target.stat().st_mtime < max(source.stat().st_mtime for source in sources):
            extra = SANITIZERS if sanitize else ()
            c = [str(source) for source in sources if source.suffix == ".c"]
            command = ["gcc", *WARNINGS, *extra, "-o", f"{target}.new", *c, *flags]
            subprocess.run(command, check=True, timeout=120)
            Path(f"{target}.new").replace(target)
    return target


def build_init(*, sanitize: bool = False) -> Path:
    """init, as in the image (static), or instrumented."""
    return build("init", *(() if sanitize else ("-static",)), "-lsodium", sanitize=sanitize)


def build_launch(*, sanitize: bool = False) -> Path:
    """launch for this machine's Python, with the checkout's code."""
    python = sysconfig.get_path("stdlib")
    packages = sysconfig.get_path("purelib")
    paths = ", ".join(f'"{path}"' for path in (CODE, python, f"{python}/lib-dynload", packages))
    include = f"-I{sysconfig.get_path('include')}"
    library = f"-lpython{sysconfig.get_config_var('LDVERSION')}"
    return build("launch", f"-DICHOR_PATHS={paths}", include, library, sanitize=sanitize)


@contextmanager
def node(folder: Path, *, daemons: Path | None = STAND_INS, sanitize: bool = False) -> Iterator[Node]:
    """A node in `folder`, its daemons' modules overlaid by those of `daemons`. Up when init answers. With `sanitize`
    its init is instrumented; a report on the console is a failure."""
    everything = units != CHECKOUT / "ext"
    root, state, console = folder / "root", folder / "state", folder / "console"
    for path in (root, state):
        path.mkdir(parents=True, exist_ok=True)
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "ROOT": str(root),
        "STATE": str(state),
        "CHECKOUT": str(CHECKOUT),
        "DAEMONS": "" if daemons is None else str(daemons),
        "INIT": str(build_init(sanitize=sanitize or everything)),
        "LAUNCH": str(build_launch(sanitize=everything)),
        "EXT": str(units),
    }
    with console.open("ab") as output, open(os.devnull) as null:
        fds = (null.fileno(), output.fileno(), output.fileno())
        spaces = kernel.CLONE_NEWPID | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC
        spaces |= kernel.CLONE_NEWNET  # every node has the same ports
        every = (1 << 64) - 1
        pid, pidfd = reap.spawn_process(["/bin/sh", "-c", _ROOT], env, fds=fds, namespaces=spaces, keep=every)
    made = Node(pid, pidfd, console, state)
    try:
        until(lambda: _answers(made), 20.0, f"init; it said {console.read_text()!r}")
        yield made
    finally:
        made.close()
    said = console.read_text(errors="replace")
    assert "Sanitizer" not in said and "runtime error" not in said, said


def _answers(made: Node) -> bool:
    assert not made.is_over(), f"PID 1 ended; it said {made.console.read_text()!r}"
    try:
        with made.init() as init:
            init.status()
    except OSError:
        return False
    return True
