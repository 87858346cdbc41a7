"""Where a call goes: here, to one other node, or to several. One decision from method and metadata; who can show no
client certificate to other nodes (a worker) serves what is for itself and refuses the rest.

A control plane serves calls for its own addresses and name here as well: no caller can tell that from a trip through
the network, and it saves one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from core.base.errors import Denied
from core.rpc.metadata import Metadata
from core.rpc.status import Code, RpcError

NODE: Final = "node"
NODES: Final = "nodes"
PROXIED: Final = "proxyfrom"
PORT: Final = 50000
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
# whose replies are made for several nodes
FAN_OUT: Final = frozenset(
    (
        "machine.MachineService",
        "cluster.ClusterService",
        "inspect.InspectService",
        "storage.StorageService",
        "time.TimeService",
    )
)
STREAMS: Final = frozenset(
    f"/{service}/{method}"
    for service, methods in (
        (
            "machine.MachineService",
            "Copy DiskUsage Dmesg EtcdSnapshot Events ImageList Kubeconfig List Logs PacketCapture Read",
        ),
        ("cluster.ClusterService", "HealthCheck"),
    )
    for method in methods.split()
)


@dataclass(frozen=True, slots=True)
class Route:
    """The nodes a call is for, as the caller named them; none: this one. `many`: the answers go into the envelope."""

    targets: tuple[str, ...] = ()
    many: bool = False


HERE: Final = Route()


def route(method: str, metadata: Metadata, is_local: Callable[[str], bool], *, forwards: bool) -> Route:
    """Decide. Raises Denied for what would have to be forwarded and cannot be, RpcError for what is wrong in itself."""
    if metadata.text(PROXIED):
        return HERE
    one, many = tuple(metadata.text(NODE)), tuple(metadata.text(NODES))
    if not one and not many:
        return HERE
    if not forwards:
        if len(one) + len(many) == 1 and is_local((one or many)[0]):
            return HERE
        raise Denied("no request forwarding")
    if many:
        if method.split("/")[1] not in FAN_OUT:
            raise RpcError(Code.INVALID_ARGUMENT, f"{method} is asked of one node at a time, with {NODE} metadata")
    elif len(one) > 1:
        raise RpcError(Code.INVALID_ARGUMENT, f"{NODE} metadata must be single-valued")
    elif is_local(one[0]):
        return HERE
    for target in many or one:
        address(target)
    return Route(many or one, many=bool(many))


def is_stream(method: str) -> bool:
    """Whether a method that fans out gives many messages; by its name, for another node may know more than this one."""
    return method in STREAMS or method.endswith("Stream")


def address(target: str) -> str:
    """Where the door of a node is. Raises RpcError INTERNAL for a target that is empty, has a port, or is no name."""
    if _NAME.fullmatch(target) and len(target) < 254:
        return f"{target}:{PORT}"
    host = target[1:-1] if target.startswith("[") and target.endswith("]") else target
    try:
        IPv6Address(host)
    except ValueError:
        raise RpcError(Code.INTERNAL, f"{target!r} is not a node's address or name, without a port") from None
    return f"[{host}]:{PORT}"


def plain(name: str) -> str:
    """A host's name or address in the one form in which it is compared."""
    try:
        return str(ip_address(name.strip("[]")))
    except ValueError:
        return name.lower()
