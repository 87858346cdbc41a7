"""cosi.resource.State: the store as clients see it. Reading only; every write is refused, whoever asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from core.base.errors import Denied, Unsupported
from core.node.api.access import READ_ONLY, check_read
from core.node.api.query import to_query
from core.node.api.resource import to_resource, tombstone
from core.rpc.context import Context
from core.rpc.pb.v1alpha1 import state_pb2 as pb
from core.rpc.service import Service, server_stream, unary
from core.state import Change, Event, Kind, Overrun, Pointer, Store, Watch

TURN: Final = 16  # resources encoded at a stretch
Roles = Callable[[Context], Collection[str]]
_EVENTS: Final = {
    Change.CREATED: pb.CREATED,
    Change.UPDATED: pb.UPDATED,
    Change.DESTROYED: pb.DESTROYED,
    Change.BOOTSTRAPPED: pb.BOOTSTRAPPED,
    Change.NOOP: pb.NOOP,
}


async def _at_rest() -> None: ...


@dataclass(frozen=True, slots=True)
class State:
    """The handlers. `roles` tells a caller's roles from the call's context; `rested` returns when the store holds what
    is known: to say that there is nothing would be a lie of a machined that was just started. A watch needs no such
    wait, for it tells what comes."""

    store: Store
    roles: Roles
    rested: Callable[[], Awaitable[None]] = _at_rest

    def service(self) -> Service:
        """cosi.resource.State for a server."""
        return Service(
            "cosi.resource.State",
            {
                "Get": unary(self.get, pb.GetRequest, pb.GetResponse),
                "List": server_stream(self.list, pb.ListRequest, pb.ListResponse),
                "Watch": server_stream(self.watch, pb.WatchRequest, pb.WatchResponse),
                "Create": unary(self.write, pb.CreateRequest, pb.CreateResponse),
                "Update": unary(self.write, pb.UpdateRequest, pb.UpdateResponse),
                "Destroy": unary(self.write, pb.DestroyRequest, pb.DestroyResponse),
                "Teardown": unary(self.write, pb.TeardownRequest, pb.TeardownResponse),
                "TeardownAndDestroy": unary(self.write, pb.TeardownAndDestroyRequest, pb.TeardownAndDestroyResponse),
            },
        )

    async def get(self, ctx: Context, request: pb.GetRequest) -> pb.GetResponse:
        """One resource, or NotFound."""
        pointer: Pointer[Any] = Pointer(request.namespace, request.type, request.id)
        await self.rested()
        check_read(self.store, pointer.kind, self.roles(ctx))
        return pb.GetResponse(resource=to_resource(self.store.get(pointer)))

    async def list(self, ctx: Context, request: pb.ListRequest) -> AsyncIterator[pb.ListResponse]:
        """All that match, by id, one a message."""
        kind: Kind[Any] = Kind(request.namespace, request.type)
        await self.rested()
        check_read(self.store, kind, self.roles(ctx))
        query = to_query(request.options.label_query, request.options.id_query)
        for number, resource in enumerate(self.store.list(kind, query), 1):
            if number % TURN == 0:
                await asyncio.sleep(0)  # others have their turn: encoding takes its time
            yield pb.ListResponse(resource=to_resource(resource))

    async def watch(self, ctx: Context, request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        """An empty message once the watch stands, then what happens, one event a message unless aggregated. A watcher
        that is too slow is told by ERRORED, or by the status if it is too old to know that event."""
        target: Pointer[Any] = Pointer(request.namespace, request.type, request.id)
        check_read(self.store, target.kind, self.roles(ctx))
        modern = request.api_version >= 1
        with self._open(request, target) as watch:
            yield pb.WatchResponse()
            try:
                while True:
                    events = [self._event(e, target) for e in await watch.batch() if modern or _is_old(e)]
                    for group in [events] if request.options.aggregated else [[e] for e in events]:
                        if group:
                            yield pb.WatchResponse(event=group)
            except Overrun as error:
                if not modern:
                    raise
                yield pb.WatchResponse(event=[pb.Event(event_type=pb.ERRORED, error=str(error))])

    async def write(self, ctx: Context, request: Any) -> Any:
        """Create, Update, Destroy, Teardown, TeardownAndDestroy."""
        raise Denied(READ_ONLY)

    def _open(self, request: pb.WatchRequest, target: Pointer[Any]) -> Watch[Any]:
        options = request.options
        start = options.start_from_bookmark if options.HasField("start_from_bookmark") else None
        if request.HasField("id"):
            if options.bootstrap_contents or options.bootstrap_bookmark or options.label_query:
                raise Unsupported("a watch of one resource takes no bootstrap and no label query")
            return self.store.follow(target, start=start, tail=options.tail_events)
        query = to_query(options.label_query, options.id_query)
        return self.store.watch(
            target.kind,
            query,
            bootstrap=options.bootstrap_contents,
            bookmark=options.bootstrap_bookmark,
            start=start,
            tail=options.tail_events,
        )

    def _event(self, event: Event[Any], target: Pointer[Any]) -> pb.Event:
        message = pb.Event(event_type=_EVENTS[event.change])
        if event.bookmark:
            message.bookmark = event.bookmark
        if event.resource is not None:
            message.resource.CopyFrom(to_resource(event.resource))
        elif event.change is Change.DESTROYED:
            message.resource.CopyFrom(tombstone(target))
        if event.old is not None:
            message.old.CopyFrom(to_resource(event.old))
        return message


def _is_old(event: Event[Any]) -> bool:
    return event.change not in (Change.BOOTSTRAPPED, Change.NOOP)
