"""What a support bundle holds of one node: a table of what is asked and the files it makes. Nothing secret is asked for
but the machine config, of which only the redacted text leaves this module."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base.text import printable
from core.cli import kinds
from core.cli.applying import KIND, in_force
from core.cli.asking import plain
from core.cli.events import shown
from core.cli.target import Node
from core.codec import yaml
from core.config.load import read
from core.config.redact import redact
from core.rpc.pb.common import common_pb2
from core.rpc.pb.inspect import inspect_pb2
from core.rpc.pb.machine import machine_pb2 as pb

Put = Callable[[str, bytes], None]
Collector = Callable[[Node, Put], Awaitable[None]]
_MACHINE: Final = "machine.MachineService"
_LAYERS: Final = "network-config"  # where the network's types are once more, by the layer that wishes for them
QUIET: Final = 1.0  # seconds without an event: all that were kept have come, for the stream itself goes on

# file -> the method whose answer it is
_ANSWERS: Final[dict[str, tuple[str, Any, Any]]] = {
    "version.json": (f"{_MACHINE}/Version", Empty(), pb.VersionResponse),
    "services.json": (f"{_MACHINE}/ServiceList", Empty(), pb.ServiceListResponse),
    "processes.json": (f"{_MACHINE}/Processes", Empty(), pb.ProcessesResponse),
    "mounts.json": (f"{_MACHINE}/Mounts", Empty(), pb.MountsResponse),
    "memory.json": (f"{_MACHINE}/Memory", Empty(), pb.MemoryResponse),
    "load.json": (f"{_MACHINE}/LoadAvg", Empty(), pb.LoadAvgResponse),
    "cpu.json": (f"{_MACHINE}/SystemStat", Empty(), pb.SystemStatResponse),
    "disks.json": (f"{_MACHINE}/DiskStats", Empty(), pb.DiskStatsResponse),
    "network.json": (f"{_MACHINE}/NetworkDeviceStats", Empty(), pb.NetworkDeviceStatsResponse),
    "containers.json": (f"{_MACHINE}/Containers", pb.ContainersRequest(namespace="system"), pb.ContainersResponse),
    "netstat.json": (
        f"{_MACHINE}/Netstat",
        pb.NetstatRequest(
            filter=pb.NetstatRequest.ALL,
            feature=pb.NetstatRequest.Feature(pid=True),
            l4proto=pb.NetstatRequest.L4proto(tcp=True, tcp6=True, udp=True, udp6=True, raw=True, raw6=True),
            netns=pb.NetstatRequest.NetNS(hostnetwork=True),
        ),
        pb.NetstatResponse,
    ),
    "controllers.json": (
        "inspect.InspectService/ControllerRuntimeDependencies",
        Empty(),
        inspect_pb2.ControllerRuntimeDependenciesResponse,
    ),
}


async def _kernel_log(node: Node, put: Put) -> None:
    put("dmesg.log", await _bytes(node, "Dmesg", pb.DmesgRequest()))


async def _logs(node: Node, put: Put) -> None:
    """Of every service."""
    answer = await node.unary(f"{_MACHINE}/LogsContainers", Empty(), pb.LogsContainersResponse)
    for name in answer.messages[0].ids:
        request = pb.LogsRequest(namespace="system", id=name, tail_lines=-1)
        put(f"logs/{file_name(name)}.log", await _bytes(node, "Logs", request))


async def _events(node: Node, put: Put) -> None:
    lines: list[str] = []
    async with node.stream(f"{_MACHINE}/Events", pb.EventsRequest(tail_events=-1), pb.Event) as call:
        await anext(call)  # comes at once and holds nothing; those that were kept are right behind it
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(QUIET):
                    event = await anext(call)
                if event.data.type_url:
                    lines.append(json.dumps(shown(node.name, event)))
    put("events.jsonl", "".join(f"{line}\n" for line in lines).encode())


async def _resources(node: Node, put: Put) -> None:
    """Every type that any reader may see, those without resources left out."""
    async for definition in kinds.every(node):
        if definition.sensitivity:
            continue
        network = definition.default_namespace == "network"
        for namespace in (definition.default_namespace, *((_LAYERS,) if network else ())):
            found = [kinds.plain(resource) async for resource in kinds.listed(node, definition.type, namespace)]
            if found:
                folder = (
                    "resources" if namespace == definition.default_namespace else f"resources/{file_name(namespace)}"
                )
                put(f"{folder}/{file_name(definition.type)}.yaml", yaml.dump_all(found))


async def _config(node: Node, put: Put) -> None:
    put("machineconfig.yaml", redact(read(await in_force(node, KIND))))


COLLECTORS: Final[dict[str, Collector]] = {
    "kernel log": _kernel_log,
    "logs": _logs,
    "events": _events,
    "resources": _resources,
    "machine config": _config,
}


def collectors() -> dict[str, Collector]:
    """All of it, by what it is called in messages."""
    return {file.removesuffix(".json"): _answer(file) for file in _ANSWERS} | COLLECTORS


def _answer(file: str) -> Collector:
    path, request, reply = _ANSWERS[file]

    async def collect(node: Node, put: Put) -> None:
        answer = await node.unary(path, request, reply)
        put(file, json.dumps([plain(message) for message in answer.messages], indent=1).encode())

    return collect


async def _bytes(node: Node, method: str, request: Any) -> bytes:
    stream = node.stream(f"{_MACHINE}/{method}", request, common_pb2.Data)
    return b"".join([message.bytes async for message in stream])


def file_name(name: str) -> str:
    """What a node calls something, as a name for a file: no path out of the bundle."""
    return printable(name).replace("/", "_").lstrip(".") or "_"
