"""One process for each container node, as long as the node exists: starts it, starts it again when it reboots, takes it
down when told to (SIGTERM) or when it halts. Owns the node's cgroup, cable and run.json. It reads its orders as JSON
from standard input and holds no thread, so that it may fork."""

import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Literal

import msgspec

from core.base.errors import IchorError
from core.base.files import write_atomic
from core.provision import cgroups, network
from core.provision.namespace import NAMESPACES, Plan, build_root, exec_init
from ext import sys as kernel

STOP_SECONDS = 30.0


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
    """Run the node until it halts or SIGTERM arrives."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    stop = _Stop()
    boots = 0
    while True:
        boots += 1
        pid = _start(orders)
        _record(orders, Run(os.getpid(), pid, boots, "running"))
        stop.node = pid
        ended = _wait(pid)
        stop.node = 0
        _sweep(orders)
        if stop.asked or ended != signal.SIGHUP:
            break
    halted = stop.asked or ended in (signal.SIGINT, signal.SIGTERM)
    reason = "" if halted else f"PID 1 ended by signal {ended}" if ended else "PID 1 exited"
    _record(orders, Run(0, 0, boots, "halted" if halted else "failed", reason))


class _Stop:
    """SIGTERM to the keeper becomes SIGTERM to the node's init (an orderly shutdown), then, once, the end by force."""

    def __init__(self) -> None:
        self.asked = False
        self.node = 0
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGALRM, self._force)

    def _ask(self, *_: object) -> None:
        self.asked = True
        if self.node:
            os.kill(self.node, signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)

    def _force(self, *_: object) -> None:
        if self.node:
            os.kill(self.node, signal.SIGKILL)


def _start(orders: Orders) -> int:
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
    try:
        os.waitpid(outer, 0)
        answer = os.read(told, 256).decode()
        if not answer.isdigit():
            raise IchorError(f"node at {plan.folder} did not start: {answer or 'no answer'}")
        pid = int(answer)
        network.plug(orders.bridge, orders.veth, pid)
        os.write(plug_in, b"!")
        return pid
    finally:
        os.close(told)
        os.close(plug_in)


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
        os.close(tell)
        if os.read(plugged, 1) != b"!":
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        build_root(orders.plan)
        exec_init(console)
    except (OSError, IchorError) as error:
        os.write(console, f"keeper: {error}\n".encode())
    finally:
        os._exit(1)  # a forked child never unwinds into the keeper's loop


def _wait(pid: int) -> int:
    """The signal that ended PID 1 (SIGHUP: reboot, SIGINT: halt, per reboot(2)), 0 if it exited. Reaps all others."""
    while True:
        reaped, status = os.wait()
        if reaped == pid:
            return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _sweep(orders: Orders) -> None:
    cgroups.kill(orders.group)
    cgroups.remove(orders.group)
    network.remove(orders.veth)


def _record(orders: Orders, run: Run) -> None:
    write_atomic(orders.plan.own("run.json"), msgspec.json.encode(run), mode=0o644)


if __name__ == "__main__":
    keep(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders))
