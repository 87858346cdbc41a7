"""The boot of a configured node on a virtual machine, by phase as `benchmarks.boot` has it, from its kernel's first
message on. As QEMU runs it here, to the first Version reply; and counting instructions, where each takes 32 ns of the
guest's clock, so that a busy machine does not show and runs of two days compare. Only waiting does not repeat there: an
idle guest skips to its next timer. So phases that read the disk vary, and the reply, which waits for us, is left out.
Takes five to eight minutes where QEMU emulates."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from google.protobuf.empty_pb2 import Empty

from benchmarks.boot import MILESTONES, REPLY, Milestone, phases
from benchmarks.figures import Figure
from benchmarks.node import VERSION, configured, logged
from benchmarks.run import Run
from core.provision.accelerator import accelerator
from core.provision.qemu import Machine, Spec
from core.provision.vms import VirtualMachines
from core.rpc.client import Channel
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS

BOOT_SECONDS: Final = 150.0  # a boot until its certificate, then an answer: 180 s at most
ANSWER_SECONDS: Final = 30.0
CERTIFIED: Final = "INFO secrets: API certificate issued"
_OURS: Final = next(at for at, (_, _, text) in enumerate(MILESTONES) if text == CERTIFIED)
VM_MILESTONES: Final[tuple[Milestone, ...]] = (
    ("kernel", "console", "Run /init as init process"),
    ("drivers, signature", "console", r"ichor: \S+: signature and root hash hold"),
    ("root mounted", "console", "ichor: spawner: starting"),
    *MILESTONES[1:_OURS],
    ("state mounted", "console", r"INFO block: mounted \S+ on /system/state"),
    *MILESTONES[_OURS:],
)


@dataclass(frozen=True, slots=True)
class Vm:
    """The node's machine as its provisioner describes it, and who may ask it."""

    spec: Spec
    address: str
    tls: ClientTLS


def figures(run: Run) -> Iterator[Figure]:
    """Each way of running it, with its phases as lines below it."""
    with _vm(run) as vm:
        by = accelerator(vm.spec.kernel)
        # the counted clock begins where we say: now, for certificates are not valid before they were made
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        counting = replace(vm.spec, deterministic=True, extra=("-rtc", f"clock=vm,base={now}"))
        for name, unit, spec, replied in (
            (f"boot, QEMU by {by}", "s", replace(vm.spec, accel=by), True),
            ("boot, QEMU counting", "virtual s", counting, False),
        ):
            rounds = []
            for number in range(run.rounds(2, 3)):
                run.say(f"{name}, round {number + 1}")
                rounds.append(timeline(replace(vm, spec=spec), replied=replied))
            yield Figure(name, unit, [sum(round_.values()) for round_ in rounds])
            for phase in rounds[0]:
                yield Figure(f"- {phase}", unit, [round_[phase] for round_ in rounds])


def timeline(vm: Vm, *, replied: bool) -> dict[str, float]:
    """Boot it and stop it in order; the seconds of each phase by its own clock, with the reply's if asked for."""
    machine = Machine(vm.spec)
    machine.boot(CERTIFIED, BOOT_SECONDS)
    at, apid = asyncio.run(_first_reply(vm))
    logs = {"console": machine.console().decode(errors="replace"), "apid": apid}
    machine.stop()
    start = ("", 0.0)
    return phases(start, VM_MILESTONES, logs, (REPLY, at) if replied else None)


@contextmanager
def _vm(run: Run) -> Iterator[Vm]:
    """A configured one, powered off."""
    with configured(run.image, "qemu", run.say) as (places, cluster, access):
        node, machines = cluster.nodes[0], VirtualMachines(places, cluster)
        machines.stop(node)
        context = access.get()
        tls = ClientTLS(context.ca, context.crt, context.key)
        yield Vm(machines.machine(node).spec, f"{node.address}:{node.port}", tls)


async def _first_reply(vm: Vm) -> tuple[float, str]:
    """The guest's clock when Version was answered, read by the call after it, and what apid logged."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            async with Channel(vm.address, vm.tls, timeout=10) as channel:
                await channel.unary(VERSION, Empty(), pb.VersionResponse)
                request = pb.ReadRequest(path="/proc/uptime")
                pieces = channel.server_stream("/machine.MachineService/Read", request, common_pb2.Data)
                uptime = b"".join([piece.bytes async for piece in pieces])
                return float(uptime.split()[0]), await logged(channel, "apid")
        except RpcError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
