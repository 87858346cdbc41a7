"""One process for each container node, as long as the node exists: starts it, starts it again when it reboots, takes it
down when told to (SIGTERM) or when it halts. Owns the node's cgroup, cable, run.json and the length of its console. It
reads its orders as JSON from standard input; standard output gets nothing and is closed once the node runs, or gets the
reason why it does not. It holds no thread, so that it may fork; its argument is for whoever looks for it."""

import os
import shutil
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import Final, Literal

import msgspec

from core.base.errors import IchorError
from core.base.files import write_atomic
from core.provision import cgroups, network
from core.provision.namespace import NAMESPACES, Plan, build_root, exec_init
from ext import sys as kernel

STOP_SECONDS: Final = 30.0
CONSOLE_BYTES: Final = 8 << 20  # then what was said so far becomes console.log.previous
LOOK_SECONDS: Final = 30.0  # how often its length is looked at
_HEARD: Final = (signal.SIGTERM, signal.SIGCHLD)  # blocked, and taken one by one


class Orders(msgspec.Struct, frozen=True):
    """What to keep: the plan of the root, the cgroup, and the cable (veth into the bridge)."""

    plan: Plan
    group: str
    bridge: str
    veth: str


class Run(msgspec.Struct, frozen=True):
    """run.json: who keeps the node, its PID 1 on this machine, how often it has booted, and what it is doing."""

    keeper: int
    init: int
    boots: int
    phase: Literal["running", "halted", "failed"]
    reason: str = ""


def keep(orders: Orders) -> None:
    """Run the node until it halts or SIGTERM arrives. Raises OSError, IchorError if it cannot be started."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    boots = 0
    while True:
        boots += 1
        try:
            pid = _start(orders)
        except (OSError, IchorError) as error:
            _sweep(orders)
            _record(orders, Run(0, 0, boots, "failed", str(error)))
            raise
        _record(orders, Run(os.getpid(), pid, boots, "running"))
        os.dup2(2, 1)  # whoever waits for us to have started reads the end of the pipe
        ended, asked = _live(pid, orders.plan.own("console.log"))
        _sweep(orders)
        if asked or ended != signal.SIGHUP:
            break
    halted = asked or ended in (signal.SIGINT, signal.SIGTERM)
    reason = "" if halted else f"PID 1 ended by signal {ended}" if ended else "PID 1 exited"
    _record(orders, Run(0, 0, boots, "halted" if halted else "failed", reason))


def _start(orders: Orders) -> int:
    """PID 1's number, once it has its root, its cable and its program."""
    plan = orders.plan
    write_atomic(plan.own("boot_id"), f"{uuid.uuid4()}\n".encode(), mode=0o444)
    groups = cgroups.make(orders.group)
    console = os.open(plan.own("console.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    told, tell = os.pipe2(os.O_CLOEXEC)
    plugged, plug_in = os.pipe2(os.O_CLOEXEC)
    outer = os.fork()
    if not outer:
        _child(orders, groups, console, tell, plugged, plug_in)
    os.close(tell)
    os.close(plugged)
    os.close(console)
    with os.fdopen(told, "rb", buffering=0) as answers:
        try:
            os.waitpid(outer, 0)
            answer = answers.read(4096).decode()
            if not answer.isdigit():
                raise IchorError(answer or "the node's first process died")
            network.plug(orders.bridge, orders.veth, int(answer))
            os.write(plug_in, b"!")
        finally:
            os.close(plug_in)
        if problem := answers.read(4096).decode():  # ends when PID 1 has become init
            raise IchorError(problem)
    return int(answer)


def _child(orders: Orders, groups: list[Path], console: int, tell: int, plugged: int, plug_in: int) -> None:
    """The go-between: enters cgroups and namespaces, forks PID 1, says its number, and is gone."""
    try:
        os.close(plug_in)
        os.setsid()
        cgroups.enter(groups)
        kernel.unshare(NAMESPACES)
        inner = os.fork()
        if inner:
            os.write(tell, str(inner).encode())
            os._exit(0)
        if os.read(plugged, 1) != b"!":
            os._exit(1)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        build_root(orders.plan)
        exec_init(console)
    except (OSError, IchorError) as error:
        os.write(tell, str(error).encode())
    finally:
        os._exit(1)  # a forked child never unwinds into the keeper's loop


def _live(pid: int, console: Path) -> tuple[int, bool]:
    """How PID 1 ended, and whether SIGTERM asked for it: that is passed on, and after STOP_SECONDS forced."""
    force: float | None = None
    while True:
        left = LOOK_SECONDS if force is None else max(0.0, force - time.monotonic())
        heard = signal.sigtimedwait(_HEARD, left)
        if heard is not None and heard.si_signo == signal.SIGTERM and force is None:
            force = time.monotonic() + STOP_SECONDS
            os.kill(pid, signal.SIGTERM)
        ended = _reap(pid)
        if ended is not None:
            return ended, force is not None
        if force is not None and time.monotonic() >= force:
            os.kill(pid, signal.SIGKILL)
            force = time.monotonic() + STOP_SECONDS
        _shorten(console)


def _reap(pid: int) -> int | None:
    """The signal that ended PID 1 (SIGHUP: reboot, SIGINT: halt, per reboot(2)), 0 if it exited; None if it lives."""
    while True:
        reaped, status = os.waitpid(-1, os.WNOHANG)
        if reaped == pid:
            return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if not reaped:
            return None


def _shorten(console: Path) -> None:
    """Who writes appends, so a file that was cut goes on from its beginning."""
    if console.stat().st_size > CONSOLE_BYTES:
        shutil.copyfile(console, console.with_name("console.log.previous"))
        os.truncate(console, 0)


def _sweep(orders: Orders) -> None:
    cgroups.kill(orders.group)
    cgroups.remove(orders.group)
    network.remove(orders.veth)


def _record(orders: Orders, run: Run) -> None:
    write_atomic(orders.plan.own("run.json"), msgspec.json.encode(run), mode=0o644)


def main() -> None:
    """The program."""
    try:
        keep(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders))
    except (OSError, IchorError) as error:
        print(error, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
