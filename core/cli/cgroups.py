"""`cgroups`: the tree of a node's control groups, with what each uses and may use."""

import asyncio
import io
from collections.abc import Callable
from typing import Final

import click

from core.base.errors import Invalid
from core.base.units import format_size
from core.cli.cgroupfiles import ROOT, Groups, read
from core.cli.output import emit_json, output_option, table
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb

LARGEST: Final = 64 << 20  # bytes of an archive
Shown = Callable[[str], str]
# a value: file, key of a line in it or nothing, how it is shown; cgroup2's first, then cgroup v1's
Value = tuple[str, str, Shown]


def _as_it_is(text: str) -> str:
    return " ".join(text.split())


def _bytes(text: str) -> str:
    """A number of bytes; what v1 has for no limit is none, as in cgroup2."""
    number = text.strip()
    if not number.isdecimal():
        return number
    return "max" if int(number) >= 1 << 62 else format_size(int(number))


def _seconds(scale: float) -> Shown:
    return lambda text: f"{int(text) / scale:.2f}s" if text.strip().isdecimal() else ""


def _lines(text: str) -> str:
    return str(len(text.splitlines()))


def _sum(key: str, shown: Shown) -> Shown:
    """Of all devices in io.stat."""

    def total(text: str) -> str:
        values = (field.partition("=") for line in text.splitlines() for field in line.split()[1:])
        return shown(str(sum(int(value) for name, _, value in values if name == key and value.isdecimal())))

    return total


def _pressure(kind: str) -> Shown:
    """The average share of ten seconds, in percent."""

    def average(text: str) -> str:
        lines = (line.split() for line in text.splitlines())
        return next((fields[1].partition("=")[2] for fields in lines if fields and fields[0] == kind), "")

    return average


_PSI: Final[dict[str, tuple[Value, ...]]] = {
    f"{resource} {kind}": ((f"{resource}.pressure", "", _pressure(kind)),)
    for resource in ("cpu", "io", "memory")
    for kind in ("some", "full")
}
PRESETS: Final[dict[str, dict[str, tuple[Value, ...]]]] = {
    "cpu": {
        "usage": (("cpu.stat", "usage_usec", _seconds(1e6)), ("cpuacct.usage", "", _seconds(1e9))),
        "user": (("cpu.stat", "user_usec", _seconds(1e6)), ("cpuacct.usage_user", "", _seconds(1e9))),
        "system": (("cpu.stat", "system_usec", _seconds(1e6)), ("cpuacct.usage_sys", "", _seconds(1e9))),
        "throttled": (("cpu.stat", "throttled_usec", _seconds(1e6)),),
        "weight": (("cpu.weight", "", _as_it_is), ("cpu.shares", "", _as_it_is)),
        "max": (("cpu.max", "", _as_it_is), ("cpu.cfs_quota_us", "", _as_it_is)),
    },
    "cpuset": {
        "cpus": (("cpuset.cpus", "", _as_it_is),),
        "effective": (("cpuset.cpus.effective", "", _as_it_is), ("cpuset.effective_cpus", "", _as_it_is)),
        "mems": (("cpuset.mems", "", _as_it_is),),
    },
    "io": {
        "read": (("io.stat", "", _sum("rbytes", _bytes)),),
        "written": (("io.stat", "", _sum("wbytes", _bytes)),),
        "reads": (("io.stat", "", _sum("rios", _as_it_is)),),
        "writes": (("io.stat", "", _sum("wios", _as_it_is)),),
    },
    "memory": {
        "current": (("memory.current", "", _bytes), ("memory.usage_in_bytes", "", _bytes)),
        "peak": (("memory.peak", "", _bytes), ("memory.max_usage_in_bytes", "", _bytes)),
        "low": (("memory.low", "", _bytes), ("memory.soft_limit_in_bytes", "", _bytes)),
        "high": (("memory.high", "", _bytes),),
        "max": (("memory.max", "", _bytes), ("memory.limit_in_bytes", "", _bytes)),
    },
    "process": {
        "processes": (("cgroup.procs", "", _lines),),
        "threads": (("cgroup.threads", "", _lines),),
        "tasks": (("pids.current", "", _as_it_is),),
        "max": (("pids.max", "", _as_it_is),),
    },
    "psi": _PSI,
    "swap": {
        "current": (("memory.swap.current", "", _bytes),),
        "peak": (("memory.swap.peak", "", _bytes),),
        "high": (("memory.swap.high", "", _bytes),),
        "max": (("memory.swap.max", "", _bytes),),
    },
}


@click.command(name="cgroups")
@click.option("--preset", type=click.Choice(tuple(PRESETS)), default="memory", show_default=True, help="what to show")
@node_options()
@output_option("table", "json")
def command(preset: str, nodes: Nodes, output: str) -> int:
    """Show the control groups of the nodes."""
    answers = nodes.run(_groups)
    columns = PRESETS[preset]
    found = [(name, group, row(files, columns)) for name, groups in answers for group, files in groups.items()]
    if output == "json":
        emit_json([{"node": name, "group": f"/{group}", **values} for name, group, values in found])
    else:
        table(
            ("node", "group", *columns), [(name, _indented(group), *values.values()) for name, group, values in found]
        )
    return 0 if len(answers) == len(nodes.names) else 1


def row(files: dict[str, str], columns: dict[str, tuple[Value, ...]]) -> dict[str, str]:
    """What the files of a group say for each column; nothing where this kernel does not tell."""
    return {
        heading: next(filter(None, (_told(files, value) for value in values)), "")
        for heading, values in columns.items()
    }


def _told(files: dict[str, str], value: Value) -> str:
    name, key, shown = value
    text = files.get(name)
    if text is not None and key:
        lines = (line.split() for line in text.splitlines())
        text = next((fields[1] for fields in lines if len(fields) == 2 and fields[0] == key), None)
    return shown(text) if text is not None else ""


def _indented(group: str) -> str:
    if not group:
        return "/"
    *above, last = group.split("/")
    return "  " * len(above) + last


async def _groups(node: Node) -> Groups:
    """Of the whole tree; a file that cannot be read is one that does not tell."""
    archive = io.BytesIO()
    async for data in node.stream("machine.MachineService/Copy", pb.CopyRequest(root_path=ROOT), common_pb2.Data):
        archive.write(data.bytes)
        if archive.tell() > LARGEST:
            raise Invalid(f"{node.name} sends more than a tree of control groups")
    archive.seek(0)
    return await asyncio.to_thread(read, archive)
