"""DHCPv4 without sockets and clocks: messages, leases, the client's state machine, and its link-layer frames."""

from core.codec.dhcp.client import Bound, Client, Effect, Lost, Send, State
from core.codec.dhcp.lease import Lease
from core.codec.dhcp.message import Kind, Message, Option, decode, encode

__all__ = [
    "Bound",
    "Client",
    "Effect",
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
