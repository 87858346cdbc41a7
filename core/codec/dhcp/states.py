"""The vocabulary of the DHCP client's table: where it stands, what may happen, and what it asks to be done."""

import enum
from ipaddress import IPv4Address

import msgspec

from core.codec.dhcp.lease import Lease


class State(enum.Enum):
    """Where the client stands. STOPPED is outside the RFC's figure: before the start, after the stop."""

    STOPPED = "stopped"
    INIT = "init"
    SELECTING = "selecting"
    REQUESTING = "requesting"
    BOUND = "bound"
    RENEWING = "renewing"
    REBINDING = "rebinding"


class Event(enum.Enum):
    """What may happen."""

    START = "start"
    OFFER = "offer"
    ACK = "ack"
    NAK = "nak"
    RESEND = "resend"
    GIVE_UP = "give up"
    RENEW = "renew"
    REBIND = "rebind"
    EXPIRE = "expire"
    STOP = "stop"


class Send(msgspec.Struct, frozen=True):
    """Send this payload: with the lease's address as source if `source` is set, else from the link layer."""

    payload: bytes
    target: IPv4Address
    source: IPv4Address | None


class Bound(msgspec.Struct, frozen=True):
    """The lease is won or prolonged."""

    lease: Lease


class Lost(msgspec.Struct, frozen=True):
    """The address may not be used any longer."""

    reason: str


Effect = Send | Bound | Lost
