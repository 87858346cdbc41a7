"""Processes: the table of those that live, as /proc shows them. One that ends while it is looked at is not in it."""

import os
import resource
from pathlib import Path
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base import offload
from core.base.text import valid
from core.linux import proc
from core.linux.proc import PROC, TICKS
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

PAGE: Final = resource.getpagesize()


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {"Processes": unary(processes, Empty, pb.ProcessesResponse)}


async def processes(ctx: Any, request: Empty) -> pb.ProcessesResponse:
    """Every process that the node sees, by pid."""
    return pb.ProcessesResponse(messages=[pb.Process(processes=await offload.call(table))])


def table(root: Path = PROC) -> list[pb.ProcessInfo]:
    """Those that live, by pid."""
    pids = sorted(int(name.name) for name in root.iterdir() if name.name.isdigit())
    return [info for info in (_info(pid, root) for pid in pids) if info is not None]


def _info(pid: int, root: Path) -> pb.ProcessInfo | None:
    """One process: proc(5), /proc/pid/stat. The name is in brackets and may hold any character, brackets too."""
    try:
        head, _, rest = proc.text(f"{pid}/stat", root).rpartition(")")
        words = [word for word in proc.text(f"{pid}/cmdline", root).split("\0") if word]
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = rest.split()
    return pb.ProcessInfo(
        pid=pid,
        ppid=int(fields[1]),
        state=fields[0],
        threads=int(fields[17]),
        cpu_time=(int(fields[11]) + int(fields[12])) / TICKS,
        virtual_memory=int(fields[20]),
        resident_memory=max(int(fields[21]), 0) * PAGE,
        command=valid(head.partition("(")[2]),
        executable=valid(_program(pid, root)),
        args=valid(" ".join(words)),
        label=_label(pid, root),
    )


def _program(pid: int, root: Path) -> str:
    """The file it runs; none for the kernel's own threads and those that are ending."""
    try:
        return os.readlink(root / str(pid) / "exe")  # noqa: PTH115 - what the kernel says, also when it is no path
    except OSError:
        return ""


def _label(pid: int, root: Path) -> str:
    """Its security label; none without a module that gives labels (then reading fails)."""
    try:
        return proc.text(f"{pid}/attr/current", root).rstrip("\0\n")
    except OSError:
        return ""
