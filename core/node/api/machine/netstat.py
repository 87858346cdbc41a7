"""Netstat: the sockets of the node's network namespace, from the kernel's tables in /proc/net. Looking for the process
behind each reads every process's descriptors: only when asked, and on a thread."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from core.base import offload
from core.base.errors import Unsupported
from core.base.text import valid
from core.linux import proc
from core.linux.proc import PROC
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

_Wanted = Callable[[pb.ConnectRecord], bool]
Filter = pb.NetstatRequest
# it has ended; or it is one into which not even root without CAP_SYS_PTRACE may look
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


def methods() -> dict[str, Method]:
    """What is served from here."""
    return {"Netstat": unary(netstat, pb.NetstatRequest, pb.NetstatResponse)}


async def netstat(ctx: Any, request: pb.NetstatRequest) -> pb.NetstatResponse:
    """The sockets of the protocols asked for. Raises Unsupported for the namespaces of pods: there are none."""
    if request.netns.netns:
        raise Unsupported("this node has no network namespaces of pods yet", remedy="ask for the host's own")
    found = await offload.call(sockets, request)
    return pb.NetstatResponse(messages=[pb.Netstat(connectrecord=found)])


def sockets(request: pb.NetstatRequest, root: Path = PROC) -> list[pb.ConnectRecord]:
    """Those that match, in the order of the kernel's tables."""
    asked = [
        field.name for field in pb.NetstatRequest.L4proto.DESCRIPTOR.fields if getattr(request.l4proto, field.name)
    ]
    wanted = _FILTERS.get(request.filter, _FILTERS[Filter.ALL])
    found = [record for protocol in asked for record in _table(protocol, root) if wanted(record)]
    if request.feature.pid:
        holders = _holders(root)
        for record in found:
            if record.inode in holders:
                record.process.CopyFrom(holders[record.inode])
    return found


def _table(protocol: str, root: Path) -> Iterator[pb.ConnectRecord]:
    try:
        table = proc.text(f"net/{protocol}", root)
    except FileNotFoundError:  # a kernel without it: IPv6, UDP-Lite
        return
    for fields in islice(proc.rows(table), 1, None):
        yield _record(protocol, fields)


def _record(protocol: str, fields: list[str]) -> pb.ConnectRecord:
    """A line, Documentation/networking/proc_net_tcp.rst: `sl local remote st tx:rx tr:when retrnsmt uid timeout inode
    ref pointer`."""
    local, remote = _end(fields[1]), _end(fields[2])
    tx, _, rx = fields[4].partition(":")
    timer, _, when = fields[5].partition(":")
    return pb.ConnectRecord(
        l4proto=protocol,
        localip=local[0],
        localport=local[1],
        remoteip=remote[0],
        remoteport=remote[1],
        state=_name(pb.ConnectRecord.State, int(fields[3], 16)),
        txqueue=int(tx, 16),
        rxqueue=int(rx, 16),
        tr=_name(pb.ConnectRecord.TimerActive, int(timer, 16)),
        timerwhen=int(when, 16),
        retrnsmt=int(fields[6], 16),
        uid=int(fields[7]),
        timeout=int(fields[8]),
        inode=int(fields[9]),
        ref=int(fields[10]),
        pointer=int(fields[11], 16),
    )


def _end(text: str) -> tuple[str, int]:
    """Address and port: 32-bit words of the host's order in hexadecimal."""
    address, _, port = text.partition(":")
    raw = b"".join(socket.htonl(int(address[at : at + 8], 16)).to_bytes(4, "big") for at in range(0, len(address), 8))
    return str(ipaddress.ip_address(raw)), int(port, 16)


def _name(kind: Any, number: int) -> Any:
    """The name of an enumeration's value; its zero's for one that is not known here."""
    return kind.Name(number if number in kind.values() else 0)


def _holders(root: Path) -> dict[int, pb.ConnectRecord.Process]:
    """A process for each socket's inode: the first that holds it."""
    found: dict[int, pb.ConnectRecord.Process] = {}
    for pid in sorted(int(name.name) for name in root.iterdir() if name.name.isdigit()):
        held = list(_held(root / str(pid) / "fd"))
        if held:
            process = pb.ConnectRecord.Process(pid=pid, name=_comm(pid, root))
            for inode in held:
                found.setdefault(inode, process)
    return found


def _held(folder: Path) -> Iterator[int]:
    """The inodes of the sockets that a process holds; none once it has ended."""
    try:
        entries = os.listdir(folder)  # noqa: PTH208 - names are enough, and there may be very many
    except _GONE:
        return
    for entry in entries:
        try:
            link = os.readlink(folder / entry)  # noqa: PTH115 - no path
        except _GONE:
            continue  # let go of meanwhile
        if link.startswith("socket:["):
            yield int(link[len("socket:[") : -1])


def _comm(pid: int, root: Path) -> str:
    try:
        return valid(proc.text(f"{pid}/comm", root).rstrip("\n"))
    except _GONE:
        return ""


def _listens(record: pb.ConnectRecord) -> bool:
    return record.remoteport == 0 and ipaddress.ip_address(record.remoteip).is_unspecified


_FILTERS: Final[dict[int, _Wanted]] = {
    Filter.ALL: lambda record: True,
    Filter.CONNECTED: lambda record: not _listens(record),
    Filter.LISTENING: _listens,
}
