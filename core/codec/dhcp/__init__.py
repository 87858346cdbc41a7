"""DHCPv4 without sockets and clocks: messages, leases, the client's state machine, and its link-layer frames."""

from core.codec.dhcp.client import Client
from core.codec.dhcp.lease import Lease
from core.codec.dhcp.message import Kind, Message, Option, decode, encode
from core.codec.dhcp.states import Bound, Effect, Event, Lost, Send, State

__all__ = [
    "Bound",
    "Client",
    "Effect",
    "Event",
    "Kind",
    "Lease",
    "Lost",
    "Message",
    "Option",
    "Send",
    "State",
    "decode",
    "encode",
]
