"""How long a cluster took to come up, told by its nodes: when what of each was well, and what of that time went into
fetching images. Nothing is measured here, so that to look costs nothing while it happens."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from google.protobuf.empty_pb2 import Empty

from core.base.units import parse_duration
from core.rpc.client import Channel
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.v1alpha1 import state_pb2 as state

SERVICES: Final = ("apid", "containerd", "etcd", "kubelet")
WELL: Final = "Health check successful"
_STATUS: Final = state.GetRequest(namespace="runtime", type="MachineStatuses.runtime.talos.dev", id="machine")
# containerd says so of each image, whoever asked for it; one that was there is told, too, in milliseconds
_PULLED: Final = re.compile(rb'^time="([^"]+)" level=info msg="Pulled image \\"([^"\\]+)\\" .* in ([0-9.a-z]+)"', re.M)
_MICROSECONDS: Final = len("2026-01-01T00:00:00.000000")  # of the nine digits that it writes
_LEAST: Final = 0.05  # seconds; what took less was there


class Pull(NamedTuple):
    """An image that came; times are Unix seconds."""

    image: str
    began: float
    ended: float


class Times(NamedTuple):
    """Of one node: when each service was well for the first time, when the node was ready; Unix seconds."""

    name: str
    services: dict[str, float]
    ready: float
    pulls: tuple[Pull, ...]

    @property
    def pulling(self) -> float:
        """Seconds in which images were on their way; those that came at the same time count once."""
        total, until = 0.0, 0.0
        for pull in sorted(self.pulls, key=lambda pull: pull.began):
            total += max(0.0, pull.ended - max(pull.began, until))
            until = max(until, pull.ended)
        return total


async def ask(name: str, channel: Channel) -> Times:
    """Of the node behind a channel. Raises RpcError."""
    listing = await channel.unary("/machine.MachineService/ServiceList", Empty(), pb.ServiceListResponse, timeout=10)
    status = await channel.unary("/cosi.resource.State/Get", _STATUS, state.GetResponse, timeout=10)
    request = pb.LogsRequest(namespace="system", id="containerd", tail_lines=-1)
    log = b""
    async for piece in channel.server_stream("/machine.MachineService/Logs", request, common_pb2.Data):
        log += piece.bytes
    ready = status.resource.metadata.updated.ToNanoseconds() / 1e9
    return Times(name, _well(listing), ready, tuple(pulls(log)))


def pulls(log: bytes) -> list[Pull]:
    """Out of containerd's log."""
    found = []
    for when, image, lasted in _PULLED.findall(log):
        ended = datetime.fromisoformat(when.decode()[:_MICROSECONDS] + "+00:00").timestamp()
        seconds = parse_duration(lasted.decode())
        if seconds >= _LEAST:
            found.append(Pull(image.decode(), ended - seconds, ended))
    return found


def rows(nodes: Sequence[Times], began: float) -> list[tuple[str, ...]]:
    """A line for each node, in seconds since then; `pulls` are a part of them."""

    def since(moment: float | None) -> str:
        return f"{moment - began:.1f}" if moment is not None else "-"

    return [
        (
            node.name,
            *(since(node.services.get(service)) for service in SERVICES),
            since(node.ready),
            f"{node.pulling:.1f} ({len(node.pulls)})",
        )
        for node in nodes
    ]


HEADINGS: Final = ("node", *SERVICES, "ready", "pulls")


def _well(listing: pb.ServiceListResponse) -> dict[str, float]:
    found = {}
    for service in listing.messages[0].services:
        moments = [event.ts.ToNanoseconds() / 1e9 for event in service.events.events if event.msg == WELL]
        if moments:
            found[service.id] = moments[0]
    return found
