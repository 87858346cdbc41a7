"""Our client against our server, on a unix socket: kinds of calls, metadata, status, deadlines, cancelling, windows."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, StringValue

from core.rpc.call import Call
from core.rpc.client import Channel, connect
from core.rpc.status import Code, RpcError
from ext.http2.limits import Limits
from tests.rpc.conftest import Run
from tests.rpc.echo import BOTH, DOWN, HANG, UNARY, UP, Echo, serving, until

MESSAGE = BytesValue(value=b"message")


def test_the_four_kinds(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            assert [m async for m in channel.server_stream(DOWN, MESSAGE, BytesValue)] == [MESSAGE] * 3
            joined = await channel.client_stream(UP, [MESSAGE, MESSAGE], BytesValue)
            assert joined.value == b"messagemessage"
            async with channel.bidi(BOTH, BytesValue, BytesValue) as call:
                for number in range(5):
                    assert await call.send(BytesValue(value=b"%d" % number))
                    assert (await anext(call)).value == b"%d" % number
                await call.end()
                assert [m async for m in call] == []

    run(main())


@pytest.mark.parametrize("wait", [False, True])
def test_metadata_both_ways(run: Run, tmp_path: Path, wait: bool) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            sent: list[tuple[str, str | bytes]] = [
                ("echo-text", "a b~"),
                ("echo-bin", b"\x00\x01\xff"),
                ("echo-text", "second"),
            ]
            call = channel.server_stream(DOWN, MESSAGE, BytesValue, [*sent, *([("wait", "1")] if wait else [])])
            assert list(await call.initial()) == sent
            assert len([m async for m in call]) == 3
            assert list(call.trailing) == [("trail", "end"), ("trail-bin", b"\x00\xff")]
            assert echo.contexts[0].metadata.all("echo-text") == ["a b~", "second"]
            assert echo.contexts[0].metadata.get("absent") is None
            assert echo.contexts[0].authority == "localhost"

    run(main())


def test_peer_of_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            await channel.unary(UNARY, MESSAGE, BytesValue)
            peer = echo.contexts[0].peer
            assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.getuid(), os.getgid())
            assert (peer.address, peer.certificate) == (str(tmp_path / "s"), None)

    run(main())


@pytest.mark.parametrize("path", [UNARY, DOWN, BOTH])
@pytest.mark.parametrize("text", ["plain", "100 % größer\nals \x00 erlaubt 🙂", ""])
def test_an_error_travels_whole(run: Run, tmp_path: Path, path: str, text: str) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            call = channel.raw(path, [("code", "9"), ("message-bin", text.encode())])
            await call.end(MESSAGE.SerializeToString())
            with pytest.raises(RpcError) as caught:
                await anext(call)
            assert caught.value.code is Code.FAILED_PRECONDITION
            assert caught.value.message == (text or "failed precondition")
            detail = StringValue()
            assert caught.value.details[0].Unpack(detail)  # type: ignore[attr-defined]  # an Any, off the wire
            assert detail.value == "detail"
            assert call.trailing.get("trail") == "end"
            assert list(await call.initial()) == []

    run(main())


def test_unknown_methods_and_unparsable_requests(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            for path, request, code in (
                ("/test.Echo/None", b"", Code.UNIMPLEMENTED),
                ("/none", b"", Code.UNIMPLEMENTED),
                (UNARY, b"\xff\xff", Code.INTERNAL),
            ):
                call = channel.raw(path)
                await call.end(request)
                with pytest.raises(RpcError) as caught:
                    await call.only()
                assert caught.value.code is code

    run(main())


def test_a_call_without_a_request_is_refused(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            call = channel.raw(UNARY)
            await call.end()
            with pytest.raises(RpcError, match="no request message"):
                await call.only()

    run(main())


def test_a_deadline_ends_the_call_on_both_sides(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            with pytest.raises(RpcError) as caught:
                await channel.unary(HANG, MESSAGE, BytesValue, timeout=0.05)
            assert caught.value.code is Code.DEADLINE_EXCEEDED
            await echo.ended.wait()
            assert echo.cancelled == ["hang"]

    run(main())


def test_the_server_keeps_the_deadline_by_itself(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            connection = await channel.connection()
            headers = [(b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"grpc-timeout", b"20m")]
            stream = connection.request(HANG.encode(), b"x", b"http", headers)
            stream.end(MESSAGE.SerializeToString())
            await until(lambda: stream.closed)
            assert dict(stream.headers)[b"grpc-status"] == b"4"
            await echo.ended.wait()
            assert echo.cancelled == ["hang"]

    run(main())


def test_a_malformed_timeout_is_refused(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            connection = await channel.connection()
            stream = connection.request(
                UNARY.encode(), b"x", b"http", [(b"content-type", b"application/grpc"), (b"grpc-timeout", b"1x")]
            )
            stream.end(b"")
            await until(lambda: stream.closed)
            assert dict(stream.headers)[b"grpc-status"] == b"3"

    run(main())


def test_cancelling_the_caller_cancels_the_handler(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            task = asyncio.create_task(channel.unary(HANG, MESSAGE, BytesValue))
            await echo.started.wait()
            task.cancel()
            await echo.ended.wait()
            assert echo.cancelled == ["hang"]

    run(main())


@pytest.mark.parametrize("how", ["leave", "close", "forget"])
def test_leaving_a_stream_closes_the_generator(run: Run, tmp_path: Path, how: str) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            big = BytesValue(value=bytes(100_000))
            call: Call[bytes, BytesValue] | None = channel.server_stream(DOWN, big, BytesValue, [("count", "1000000")])
            assert call is not None
            if how == "leave":
                async with call:
                    await anext(call)
            else:
                await anext(call)
                await call.aclose() if how == "close" else None
            call = None
            await echo.ended.wait()
            assert echo.cancelled == ["GeneratorExit"]  # it was at its yield

    run(main())


def test_a_slow_reader_stops_the_sender(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            call = channel.server_stream(DOWN, BytesValue(value=bytes(65536)), BytesValue, [("count", "1000")])
            await anext(call)
            before = -1
            while before != echo.sent:  # until the windows are full
                before = echo.sent
                await asyncio.sleep(0.05)
            assert echo.sent * 65536 < 8 << 20
            assert len([m async for m in call]) == 999
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE

    run(main())


def test_a_slow_server_stops_the_client(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(tmp_path / "s", echo) as (address, _), await connect(address) as channel:
            sent = 0

            async def requests() -> AsyncIterator[BytesValue]:
                nonlocal sent
                for _ in range(400):
                    yield BytesValue(value=bytes(65536))
                    sent += 1

            call = asyncio.create_task(channel.client_stream(UP, requests(), BytesValue, [("slow", "1")]))
            before = -1
            while before != sent:
                before = sent
                await asyncio.sleep(0.05)
            assert 0 < sent * 65536 < 8 << 20
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE  # others are not held up
            echo.started.set()
            assert len((await call).value) == 400 * 65536

    run(main())


def test_messages_up_to_the_limit_and_not_one_byte_more(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        limits = Limits(message=1 << 20)
        async with (
            serving(tmp_path / "s", Echo(), limits=limits) as (address, _),
            await connect(address, message_limit=1 << 20) as channel,
        ):
            most = (1 << 20) - 4  # the field's tag and length
            largest = BytesValue(value=bytes(most))
            assert largest.ByteSize() == 1 << 20
            assert (await channel.unary(UNARY, largest, BytesValue)).ByteSize() == 1 << 20
            with pytest.raises(RpcError) as caught:
                await channel.unary(UNARY, BytesValue(value=bytes(most + 1)), BytesValue)
            assert caught.value.code is Code.RESOURCE_EXHAUSTED
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE

    run(main())


def test_a_client_refuses_large_replies(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), Channel(address, message_limit=1000) as channel:
            with pytest.raises(RpcError) as caught:
                await channel.unary(UNARY, BytesValue(value=bytes(2000)), BytesValue)
            assert caught.value.code is Code.RESOURCE_EXHAUSTED

    run(main())


def test_undelivered_messages_of_a_connection_are_bounded(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        limits = Limits(buffer=1 << 20)
        async with serving(tmp_path / "s", Echo(), limits=limits) as (address, _), await connect(address) as channel:
            with pytest.raises(RpcError) as caught:
                await channel.unary(UNARY, BytesValue(value=bytes(2 << 20)), BytesValue)
            assert caught.value.code is Code.RESOURCE_EXHAUSTED
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE

    run(main())


def test_a_hundred_kinds_at_once(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:

            async def one(number: int) -> None:
                message = BytesValue(value=b"%d" % number * 1000)
                wait = [("wait", "1")] if number % 3 else []
                assert await channel.unary(UNARY, message, BytesValue, wait) == message
                assert [m async for m in channel.server_stream(DOWN, message, BytesValue, wait)] == [message] * 3
                assert (await channel.client_stream(UP, [message] * 4, BytesValue)).value == message.value * 4

            async with asyncio.TaskGroup() as group:
                for number in range(100):
                    group.create_task(one(number))

    run(main())


def test_a_reply_that_is_another_message(run: Run, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path / "s", Echo()) as (address, _), await connect(address) as channel:
            with pytest.raises(RpcError, match="not the message that this method gives") as caught:
                await channel.unary(UNARY, BytesValue(value=b"\xff\xfe is no text"), StringValue)
            assert caught.value.code is Code.INTERNAL

    run(main())
