"""Following one resource of machined's over its local socket."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from core.base.clock import Clock
from core.node.api.roles import ADMIN, HEADER
from core.node.hearing import keep_hearing
from core.rpc.client import Channel
from core.rpc.pb.v1alpha1 import state_pb2 as state

_log = logging.getLogger("front")
_AS_OURSELVES: Final = ((HEADER, ADMIN),)


async def follow(machined: Channel, clock: Clock, target: tuple[str, str, str], take: Callable[[bytes], None]) -> None:
    """Call `take` with the encoded spec of the resource (namespace, type, id) at every change, until cancelled."""
    namespace, kind, name = target
    request = state.WatchRequest(namespace=namespace, type=kind, id=name, api_version=1)

    def ask() -> AsyncIterator[state.WatchResponse]:
        return machined.server_stream(
            "/cosi.resource.State/Watch", request, state.WatchResponse, metadata=_AS_OURSELVES
        )

    def hear(answer: state.WatchResponse) -> None:
        for event in answer.event:
            if event.event_type in (state.CREATED, state.UPDATED):
                take(event.resource.spec.proto_spec)

    await keep_hearing(ask, clock, hear, lambda error: _log.info("%s: machined is away: %s", kind, error))
