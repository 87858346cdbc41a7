"""Requests into handlers, all the way: client session, server session, dispatcher, protobuf, the store's own service.
Whatever is asked, the answer is a status with a reason and never `internal error`. Input: the method, how many pieces
the request is cut into (1 byte each), the request."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, partial
from typing import Final

from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue

from core.node.api.roles import ADMIN
from core.node.api.state import State
from core.rpc.context import Context, Peer
from core.rpc.dispatch import Dispatcher
from core.rpc.pb.v1alpha1 import resource_pb2, state_pb2
from core.rpc.service import Service, bidi, client_stream, unary
from core.rpc.status import Code
from core.state import Registry, Resource, Spec, Store, resource
from ext.http2.session import Session, Stream, live
from tests.ext_http2.pair import HEADERS
from tests.fuzz.target import Target
from tests.support.clock import FakeClock

_STATE: Final = "/cosi.resource.State/"
_METHODS: Final = [f"{_STATE}{name}" for name in ("Get", "List", "Watch", "Create", "Teardown")]
_METHODS.extend(["/test.Echo/Unary", "/test.Echo/Up", "/test.Echo/Both"])
_CIRCLES: Final = 500
_wrong: list[object] = []
_TYPE: Final = "FuzzedThings.test.ichor.dev"


@resource(_TYPE, "test")
class FuzzedThing(Spec, frozen=True):
    """Something to ask for."""

    text: str = ""


async def _unary(_: Context, request: BytesValue) -> BytesValue:
    return request


async def _up(_: Context, requests: AsyncIterator[BytesValue]) -> BytesValue:
    return BytesValue(value=b"".join([request.value async for request in requests]))


async def _both(_: Context, requests: AsyncIterator[BytesValue]) -> AsyncIterator[BytesValue]:
    async for request in requests:
        yield request


def _echo() -> Service:
    pair = BytesValue, BytesValue
    return Service(
        "test.Echo", {"Unary": unary(_unary, *pair), "Up": client_stream(_up, *pair), "Both": bidi(_both, *pair)}
    )


@cache
def _world() -> tuple[asyncio.AbstractEventLoop, Dispatcher]:
    store = Store(Registry(FuzzedThing.definition), FakeClock())
    for number in range(3):
        store.create(Resource.of(f"thing-{number}", FuzzedThing(text="x" * number)))
    services = [State(store, lambda _: {ADMIN}).service(), _echo()]
    loop = asyncio.new_event_loop()
    gc.freeze()
    loop.set_exception_handler(lambda _, told: _wrong.append(told))
    return loop, Dispatcher(services, None, None, {})


def check(data: bytes) -> None:
    loop, dispatcher = _world()
    method, pieces, request = data[0] if data else 0, data[1] % 3 + 1 if data[1:] else 1, data[2:]
    path = _METHODS[method % len(_METHODS)]
    size = -(-len(request) // pieces) or 1
    messages = [request[at : at + size] for at in range(0, len(request), size)] or [b""]
    _call(loop, dispatcher, path.encode(), messages)
    assert not dispatcher.tasks and not _wrong, f"left behind: {dispatcher.tasks} {_wrong}"
    if live() > (_CIRCLES, 0):
        gc.collect()  # a cancelled handler's exception holds on to its frames in a circle
        assert live() == (0, 0), "streams or sessions are left"


def _call(loop: asyncio.AbstractEventLoop, dispatcher: Dispatcher, path: bytes, messages: list[bytes]) -> None:
    client, server = Session(False, loop=loop), Session(True, loop=loop)
    server.on_request = partial(dispatcher.dispatch, Peer("fuzz"))
    client.begin()
    server.begin()
    stream = client.request(path, b"host", b"http", list(HEADERS))
    for message in messages:
        stream.send(message)
    stream.end()
    for _ in range(4):
        _turn(loop, lambda: server.receive(client.send()))
        client.receive(server.send())
    _judge(stream)
    _turn(loop, server.close)
    client.close()
    for _ in range(4):
        _turn(loop, lambda: None)


def _turn(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Once round the loop, as a connection is called: by no task."""
    loop.call_soon(callback)
    loop.call_soon(loop.stop)
    loop.run_forever()


def _judge(stream: Stream) -> None:
    """A call that is through ended with a status that a client can act on; a watch goes on."""
    fields = dict(stream.trailers if stream.trailers is not None else stream.headers)
    if stream.remote_end:
        assert fields[b"grpc-status"] != b"%d" % Code.UNKNOWN
        assert fields.get(b"grpc-message") != b"internal error"


def seeds() -> Iterator[bytes]:
    terms = [
        resource_pb2.LabelTerm(key="a", op=resource_pb2.LabelTerm.IN, value=["b", "c"]),
        resource_pb2.LabelTerm(key="n", op=resource_pb2.LabelTerm.LT_NUMERIC, value=["10"], invert=True),
    ]
    labels = [resource_pb2.LabelQuery(terms=terms)]
    ids = resource_pb2.IDQuery(regexp="^thing-[0-9]$")
    watch = partial(state_pb2.WatchRequest, namespace="test", type=_TYPE)
    options = state_pb2.WatchOptions
    requests: tuple[tuple[int, Message], ...] = (
        (0, state_pb2.GetRequest(namespace="test", type=_TYPE, id="thing-1")),
        (0, state_pb2.GetRequest(namespace="meta", type="Namespaces.meta.cosi.dev", id="test")),
        (1, state_pb2.ListRequest(namespace="test", type=_TYPE, options={"label_query": labels, "id_query": ids})),
        (2, watch(options=options(bootstrap_contents=True, label_query=labels, id_query=ids))),
        (2, watch(id="thing-0", options=options(tail_events=2), api_version=1)),
        (2, watch(options=options(start_from_bookmark=bytes(16), aggregated=True))),
        (3, state_pb2.CreateRequest(resource=resource_pb2.Resource(metadata=resource_pb2.Metadata(id="x")))),
        (4, state_pb2.TeardownRequest(namespace="test", type=_TYPE, id="thing-2")),
        (5, BytesValue(value=b"echo")),
        (7, BytesValue(value=b"both")),
    )
    for method, request in requests:
        yield bytes([method, 0]) + request.SerializeToString()
    yield bytes([6, 2]) + BytesValue(value=b"1").SerializeToString() * 3


TARGET = Target(check, seeds, runs=800, native=True, largest=1024, minutes=5)
