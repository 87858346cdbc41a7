"""cosi.resource.State over a unix socket: the stores' conformance suite, and what only the wire has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import grpc.aio
import pytest

from core.base.errors import Conflict, NotFound
from core.codec import yaml
from core.node.api.roles import ADMIN, READER, forwarded
from core.node.api.state import State
from core.rpc.client import Channel
from core.rpc.pb.v1alpha1 import resource_pb2, state_pb2
from core.rpc.status import Code, RpcError
from core.state import EVERYTHING, Overrun, Query, Registry, Resource, Spec, Store, Term, resource
from core.state.events import HISTORY
from core.state.meta import ResourceDefinition
from tests.state.conformance import Conformance, OtherThing, Seen, SeenEvent, Subject, Thing, put
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.wire import served

PATH: Final = "/cosi.resource.State/"
AS_ADMIN: Final = [("talos-role", ADMIN)]
AS_READER: Final = [("talos-role", READER)]
ERRORS: Final = {Code.NOT_FOUND: NotFound, Code.FAILED_PRECONDITION: Conflict}


@resource("HiddenThings.test.ichor.dev", "test", sensitive=True)
class HiddenThing(Spec, frozen=True):
    """Not for everybody."""

    secret: str = ""


def make() -> tuple[Store, State]:
    store = Store(Registry(*(c.definition for c in (Thing, OtherThing, HiddenThing))), FakeClock())
    return store, State(store, lambda ctx: forwarded(ctx.metadata))


class _Stream:
    def __init__(self, replies: AsyncIterator[state_pb2.WatchResponse]) -> None:
        self._replies = replies
        self._events: list[state_pb2.Event] = []

    async def take(self, count: int) -> list[SeenEvent]:
        while len(self._events) < count:
            self._events += (await _told(anext(self._replies))).event
            if self._events[-1].event_type == state_pb2.ERRORED:
                raise Overrun(self._events[-1].error)
        taken, self._events = self._events[:count], self._events[count:]
        return [_event(event) for event in taken]


class _Remote:
    def __init__(self, channel: Channel, *, aggregated: bool) -> None:
        self._channel, self._aggregated = channel, aggregated

    async def get(self, name: str) -> Seen:
        request = state_pb2.GetRequest(namespace="test", type=Thing.definition.type, id=name)
        call = self._channel.unary(PATH + "Get", request, state_pb2.GetResponse, AS_READER)
        return _seen((await _told(call)).resource)

    async def list(self, query: Query = EVERYTHING) -> list[Seen]:
        options = state_pb2.ListOptions(label_query=_labels(query), id_query=_ids(query))
        request = state_pb2.ListRequest(namespace="test", type=Thing.definition.type, options=options)
        replies = self._channel.server_stream(PATH + "List", request, state_pb2.ListResponse, AS_READER)
        return [_seen(reply.resource) async for reply in replies]

    @asynccontextmanager
    async def watch(
        self,
        query: Query = EVERYTHING,
        *,
        name: str | None = None,
        bootstrap: bool = False,
        bookmark: bool = False,
        start: bytes | None = None,
        tail: int = 0,
    ) -> AsyncIterator[_Stream]:
        options = state_pb2.WatchOptions(
            bootstrap_contents=bootstrap,
            bootstrap_bookmark=bookmark,
            start_from_bookmark=start,
            tail_events=tail,
            label_query=_labels(query),
            id_query=_ids(query),
            aggregated=self._aggregated,
        )
        request = state_pb2.WatchRequest(
            namespace="test", type=Thing.definition.type, id=name, options=options, api_version=1
        )
        stream = self._channel.server_stream(PATH + "Watch", request, state_pb2.WatchResponse, AS_READER)
        async with aclosing(aiter(stream)) as replies:
            hello = await _told(anext(replies))
            assert not hello.event
            yield _Stream(replies)


async def _told(call: Any) -> Any:
    try:
        return await call
    except RpcError as error:
        raise ERRORS.get(error.code, RuntimeError)(error.message) from error


def _labels(query: Query) -> list[resource_pb2.LabelQuery]:
    return [resource_pb2.LabelQuery(terms=[_term(term) for term in terms]) for terms in query.labels]


def _term(term: Term) -> resource_pb2.LabelTerm:
    if term == Term(term.key, invert=True):
        return resource_pb2.LabelTerm(key=term.key, op=resource_pb2.LabelTerm.NOT_EXISTS)
    return resource_pb2.LabelTerm(key=term.key, op=term.op.name, value=term.values, invert=term.invert)


def _ids(query: Query) -> resource_pb2.IDQuery:
    return resource_pb2.IDQuery(regexp=query.id.text if query.id else "")


def _seen(message: resource_pb2.Resource) -> Seen:
    md = message.metadata
    spec: Any = yaml.load(message.spec.yaml_spec.encode()) if message.spec.yaml_spec else {"text": ""}
    return Seen(md.id, 0 if md.version == "undefined" else int(md.version), spec["text"], md.phase)


def _event(event: state_pb2.Event) -> SeenEvent:
    now = _seen(event.resource) if event.HasField("resource") else None
    old = _seen(event.old) if event.HasField("old") else None
    return SeenEvent(state_pb2.EventType.Name(event.event_type), now, old, event.bookmark)


class TestState(Conformance):
    @pytest.fixture(params=[False, True], ids=["single", "aggregated"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        @asynccontextmanager
        async def opened() -> AsyncIterator[tuple[Store, _Remote]]:
            store, state = make()
            async with served([state.service()]) as (channel, _):
                yield store, _Remote(channel, aggregated=request.param)

        return opened


def get(type_name: str, name: str = "a", namespace: str = "test") -> state_pb2.GetRequest:
    return state_pb2.GetRequest(namespace=namespace, type=type_name, id=name)


async def refusal(channel: Channel, request: Any, method: str = "Get", roles: Any = AS_READER) -> tuple[Code, str]:
    reply = getattr(state_pb2, f"{method}Response")
    with pytest.raises(RpcError) as caught:
        if method in ("List", "Watch"):
            async for _ in channel.server_stream(PATH + method, request, reply, roles):
                pass
        else:
            await channel.unary(PATH + method, request, reply, roles)
    return caught.value.code, caught.value.message


@on_loop
async def test_writes_are_refused_whoever_asks() -> None:
    _, state = make()
    async with served([state.service()]) as (channel, _):
        for verb in ("Create", "Update", "Destroy", "Teardown", "TeardownAndDestroy"):
            request = getattr(state_pb2, f"{verb}Request")()
            answer = await refusal(channel, request, verb, AS_ADMIN)
            assert answer == (Code.PERMISSION_DENIED, "write access is not allowed")


@on_loop
async def test_sensitive_types_are_for_the_admin() -> None:
    store, state = make()
    store.create(Resource.of("a", HiddenThing(secret="x")))
    hidden = HiddenThing.definition.type
    async with served([state.service()]) as (channel, _):
        for roles in ([], AS_READER, [("talos-role", "os:operator"), ("talos-role", "os:etcd:backup")]):
            for method, request in (
                ("Get", get(hidden)),
                ("List", state_pb2.ListRequest(namespace="test", type=hidden)),
                ("Watch", state_pb2.WatchRequest(namespace="test", type=hidden)),
            ):
                denied = (Code.PERMISSION_DENIED, "not authorized")
                assert await refusal(channel, request, method, roles) == denied
        reply = await channel.unary(PATH + "Get", get(hidden), state_pb2.GetResponse, AS_ADMIN)
        assert reply.resource.spec.yaml_spec == "secret: x\n"


@on_loop
async def test_unknown_types_and_namespaces_are_refused() -> None:
    _, state = make()
    async with served([state.service()]) as (channel, _):
        for request in (get("Nothings.test.ichor.dev"), get(Thing.definition.type, namespace="nowhere")):
            assert (await refusal(channel, request, roles=AS_ADMIN))[0] is Code.PERMISSION_DENIED


@on_loop
async def test_a_watch_of_one_takes_no_bootstrap() -> None:
    _, state = make()
    query = [resource_pb2.LabelQuery(terms=[resource_pb2.LabelTerm(key="x")])]
    async with served([state.service()]) as (channel, _):
        for options in (
            state_pb2.WatchOptions(bootstrap_contents=True),
            state_pb2.WatchOptions(label_query=query),
        ):
            request = state_pb2.WatchRequest(namespace="test", type=Thing.definition.type, id="a", options=options)
            assert (await refusal(channel, request, "Watch"))[0] is Code.UNIMPLEMENTED


@on_loop
async def test_odd_queries_are_refused() -> None:
    _, state = make()
    async with served([state.service()]) as (channel, _):
        for options in (
            state_pb2.ListOptions(id_query=resource_pb2.IDQuery(regexp="(")),
            state_pb2.ListOptions(label_query=[resource_pb2.LabelQuery(terms=[{"key": "x", "op": "EQUAL"}])]),
            state_pb2.ListOptions(label_query=[resource_pb2.LabelQuery(terms=[{"key": "x", "op": 99}])]),
        ):
            request = state_pb2.ListRequest(namespace="test", type=Thing.definition.type, options=options)
            assert (await refusal(channel, request, "List"))[0] is Code.INVALID_ARGUMENT


@on_loop
async def test_old_clients_see_no_new_events() -> None:
    store, state = make()
    put(store, "a")
    options = state_pb2.WatchOptions(bootstrap_contents=True)
    request = state_pb2.WatchRequest(namespace="test", type=Thing.definition.type, options=options)
    async with served([state.service()]) as (channel, _):
        stream = channel.server_stream(PATH + "Watch", request, state_pb2.WatchResponse, AS_READER)
        async with aclosing(aiter(stream)) as replies:
            assert not (await anext(replies)).event
            put(store, "b")
            told = [(await anext(replies)).event[0] for _ in range(2)]
            assert [(e.event_type, e.resource.metadata.id) for e in told] == [
                (state_pb2.CREATED, "a"),
                (state_pb2.CREATED, "b"),
            ]
            for n in range(HISTORY + 1):
                put(store, "a", str(n))
            with pytest.raises(RpcError) as caught:
                await anext(replies)
            assert caught.value.code is Code.FAILED_PRECONDITION


@on_loop
async def test_a_watcher_that_leaves_is_forgotten() -> None:
    store, state = make()
    wakers = store._collection(Thing.all()).wakers
    async with served([state.service()]) as (channel, _):
        async with _Remote(channel, aggregated=False).watch():
            assert len(wakers) == 1
        await settle()
    assert not wakers


@on_loop
async def test_metadata_on_the_wire() -> None:
    store, state = make()
    store.create(Resource.of("a", Thing(), labels={"l": "1"}, annotations={"n": "2"}), owner="me")
    store.hold(Thing.at("a"), "f")
    async with served([state.service()]) as (channel, _):
        reply = await channel.unary(PATH + "Get", get(Thing.definition.type), state_pb2.GetResponse, AS_READER)
    md = reply.resource.metadata
    assert (md.version, md.owner, md.phase, list(md.finalizers)) == ("2", "me", "running", ["f"])
    assert (dict(md.labels), dict(md.annotations)) == ({"l": "1"}, {"n": "2"})
    assert md.created.ToSeconds() == md.updated.ToSeconds() == 1_700_000_000


@on_loop
async def test_a_stock_client_reads_lists_and_watches() -> None:
    """grpcio knows nothing of our client's habits."""
    store, state = make()
    put(store, "a", "one")
    roles = (("talos-role", READER),)
    async with served([state.service()]) as (_, path), grpc.aio.insecure_channel(f"unix:{path}") as channel:
        get_ = channel.unary_unary(
            PATH + "Get", state_pb2.GetRequest.SerializeToString, state_pb2.GetResponse.FromString
        )
        reply = await get_(get(Thing.definition.type), metadata=roles)
        assert reply.resource.spec.yaml_spec == "text: one\nsize: 0\n"
        list_ = channel.unary_stream(
            PATH + "List", state_pb2.ListRequest.SerializeToString, state_pb2.ListResponse.FromString
        )
        kinds = state_pb2.ListRequest(namespace="meta", type=ResourceDefinition.definition.type)
        found = [r.resource.metadata.id async for r in list_(kinds, metadata=roles)]
        assert "things.test.ichor.dev" in found
        watch_ = channel.unary_stream(
            PATH + "Watch", state_pb2.WatchRequest.SerializeToString, state_pb2.WatchResponse.FromString
        )
        call = watch_(state_pb2.WatchRequest(namespace="test", type=Thing.definition.type), metadata=roles)
        assert not (await call.read()).event
        put(store, "a", "two")
        (event,) = (await call.read()).event
        assert event.event_type == state_pb2.UPDATED
        assert event.resource.metadata.version == "2"
        call.cancel()


@on_loop
async def test_what_is_there_is_told_when_all_is_known() -> None:
    store, _ = make()
    known = asyncio.Event()

    async def rested() -> None:
        await known.wait()

    async with served([State(store, lambda ctx: (ADMIN,), rested).service()]) as (channel, _):
        get = state_pb2.GetRequest(namespace="test", type="Things.test.ichor.dev", id="a")
        asked = asyncio.create_task(channel.unary(PATH + "Get", get, state_pb2.GetResponse))
        await settle()
        put(store, "a")
        known.set()
        assert (await asked).resource.metadata.id == "a"
