"""GET /metrics at the front door: apid's own part beside machined's, which also knows whether anybody may have it."""

from collections.abc import Iterable
from typing import Final

from google.protobuf.empty_pb2 import Empty

from core.codec.openmetrics import TYPE, Family, render
from core.node.api.roles import HEADER, METRICS
from core.node.front.credentials import Credentials
from core.node.metrics import calls, inside
from core.rpc.client import Channel
from core.rpc.pb.metrics import metrics_pb2 as pb
from core.rpc.plain import Body
from core.rpc.server import Server

SECONDS: Final = 10.0  # for machined to answer, as long as scrapers commonly wait


async def page(machined: Channel, roles: Iterable[str], server: Server, credentials: Credentials) -> Body:
    """The text, for a caller with these roles. Raises RpcError NOT_FOUND while it is switched off."""
    metadata = [(HEADER, role) for role in sorted(roles)]
    reply = await machined.unary(METRICS, Empty(), pb.ReadResponse, metadata, SECONDS)
    theirs = [Family(family.name, family.kind, family.help, list(family.lines)) for family in reply.families]
    return Body(TYPE, render([*theirs, *own(server, credentials)]))


def own(server: Server, credentials: Credentials) -> list[Family]:
    """What apid knows by itself: its calls, and what it really shows."""
    shown = inside.expiry()
    if credentials.certificate:
        shown.add(inside.end_of(credentials.certificate), certificate="apid")
    return [*calls.families("apid", server), shown]
