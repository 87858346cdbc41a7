"""Following one resource of machined's over its local socket, through every restart of machined."""

import logging
from collections.abc import Callable
from typing import Final

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.node.api.roles import ADMIN, HEADER
from core.rpc.client import Channel
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import RpcError

_log = logging.getLogger("front")
_AS_OURSELVES: Final = ((HEADER, ADMIN),)


async def follow(machined: Channel, clock: Clock, target: tuple[str, str, str], take: Callable[[bytes], None]) -> None:
    """Call `take` with the encoded spec of the resource (namespace, type, id) at every change, until cancelled."""
    namespace, kind, name = target
    request = state.WatchRequest(namespace=namespace, type=kind, id=name, api_version=1)
    backoff = Backoff(first=0.005, cap=1.0, first_free=True)
    there = False  # at first it may well still be starting, which is nothing to tell of
    while True:
        try:
            async for answer in machined.server_stream(
                "/cosi.resource.State/Watch", request, state.WatchResponse, metadata=_AS_OURSELVES
            ):
                backoff.succeeded()
                there = True
                for event in answer.event:
                    if event.event_type in (state.CREATED, state.UPDATED):
                        take(event.resource.spec.proto_spec)
        except RpcError as error:
            if there:
                _log.info("%s: machined is away: %s", kind, error)
                there = False
        await clock.sleep(backoff.failed())
