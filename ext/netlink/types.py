"""What the netlink unit hands out: one plain tuple per kernel object, addresses as raw bytes in network order, and its
two failures. Absent text is "", an absent address is b""."""

from typing import NamedTuple


class Link(NamedTuple):
    """A network interface (`type` is ARPHRD_*, `state` IF_OPER_*, `kind` the driver's kind such as "veth")."""

    ifindex: int
    name: str
    type: int
    flags: int
    mtu: int
    link: int
    master: int
    group: int
    queue_length: int
    state: int
    carrier: bool
    kind: str
    slave_kind: str
    qdisc: str
    vlan_id: int
    address: bytes
    broadcast: bytes
    permanent: bytes
    alias: str
    names: tuple[str, ...]
    bus: str
    device: str


class Address(NamedTuple):
    """An address on a link; `local` differs from `address` on point-to-point links. Lifetimes in seconds, 2**32-1 for
    ever."""

    ifindex: int
    family: int
    prefix: int
    scope: int
    flags: int
    protocol: int
    priority: int
    preferred: int
    valid: int
    address: bytes
    local: bytes
    broadcast: bytes
    anycast: bytes
    label: str


class Hop(NamedTuple):
    """One way of a multipath route."""

    ifindex: int
    weight: int
    gateway: bytes


class Route(NamedTuple):
    """A FIB entry; `dst` is b"" for a default route, `out` the index of its link or 0."""

    family: int
    dst: bytes
    dst_prefix: int
    src_prefix: int
    source: bytes
    gateway: bytes
    out: int
    table: int
    priority: int
    protocol: int
    scope: int
    type: int
    flags: int
    tos: int
    mtu: int
    hops: tuple[Hop, ...]


class Neighbor(NamedTuple):
    """An entry of the neighbour table (`state` is NUD_*)."""

    ifindex: int
    family: int
    state: int
    flags: int
    type: int
    address: bytes
    hardware: bytes


class Rule(NamedTuple):
    """A routing policy rule (`action` is FR_ACT_*)."""

    family: int
    dst: bytes
    dst_prefix: int
    source: bytes
    src_prefix: int
    table: int
    priority: int
    action: int
    mark: int
    mask: int
    input: str
    output: str


Record = Link | Address | Route | Neighbor | Rule


class Change(NamedTuple):
    """A notification: the object as it is now, or as it was when it went."""

    gone: bool
    record: Record


class NetlinkError(OSError):
    """The kernel refused a request: errno as usual, `explanation` its extended ack's sentence or "", `offset` the byte
    of the request it complains of or 0."""

    def __init__(self, errno: int, text: str, explanation: str = "", offset: int = 0) -> None:
        super().__init__(errno, f"{text}: {explanation}" if explanation else text)
        self.explanation = explanation
        self.offset = offset


class Overrun(OSError):
    """The kernel dropped notifications because the receive buffer was full: what was known is stale, dump again."""
