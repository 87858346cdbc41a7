"""Which error becomes which code, and that a bug is logged once and told as no more than INTERNAL."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import BytesValue, StringValue

from core.base import errors
from core.rpc.client import Channel
from core.rpc.context import Context
from core.rpc.pb.google.rpc.status_pb2 import Status
from core.rpc.service import Service, server_stream, unary
from core.rpc.status import Code, RpcError, code_of, from_error
from tests.rpc.conftest import Run
from tests.support.wire import served


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("x"), Code.NOT_FOUND),
        (errors.AlreadyExists("x"), Code.ALREADY_EXISTS),
        (errors.Conflict("x"), Code.FAILED_PRECONDITION),
        (errors.NotReady("x"), Code.UNAVAILABLE),
        (errors.Invalid("x"), Code.INVALID_ARGUMENT),
        (errors.Denied("x"), Code.PERMISSION_DENIED),
        (errors.Unsupported("x"), Code.UNIMPLEMENTED),
        (errors.Exhausted("x"), Code.RESOURCE_EXHAUSTED),
        (FileNotFoundError(2, "x"), Code.NOT_FOUND),
        (TimeoutError(), Code.DEADLINE_EXCEEDED),
        (ConnectionRefusedError(), Code.UNAVAILABLE),
        (DecodeError(), Code.INTERNAL),
        (ExceptionGroup("one", [errors.Denied("x")]), Code.PERMISSION_DENIED),
    ],
)
def test_the_table(error: Exception, code: Code) -> None:
    found = from_error(error)
    assert found is not None
    assert found.code is code


def test_what_is_not_in_the_table_is_unexpected() -> None:
    assert from_error(KeyError("x")) is None
    assert from_error(OSError(5, "io")) is None
    assert (code_of(16), code_of(17), code_of(-1)) == (Code.UNAUTHENTICATED, Code.UNKNOWN, Code.UNKNOWN)


def test_every_error_of_ours_has_a_code() -> None:
    ours = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.IchorError]
    assert all(from_error(kind("x")) for kind in ours)


def test_details_are_packed_as_any() -> None:
    status = Status.FromString(RpcError(Code.ABORTED, "why", [StringValue(value="a")]).packed())
    again = RpcError(Code.ABORTED, "why", list(status.details)).packed()
    assert (status.code, status.message, Status.FromString(again)) == (10, "why", status)


def test_a_bug_is_logged_once_and_not_told(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(ctx: Context, request: Empty) -> Empty:
        raise KeyError("secret")

    async def half(ctx: Context, request: Empty) -> AsyncIterator[BytesValue]:
        yield BytesValue(value=b"one")
        raise ZeroDivisionError("secret")

    service = Service("x.Y", {"Bug": unary(broken, Empty, Empty), "Half": server_stream(half, Empty, BytesValue)})

    async def main() -> None:
        async with served([service]) as (channel, _):
            for path, got in (("/x.Y/Bug", 0), ("/x.Y/Half", 1)):
                assert await _fails(channel, path) == (got, Code.INTERNAL, "internal error")

    with caplog.at_level(logging.ERROR):
        run(main())
    assert [record.getMessage() for record in caplog.records] == ["/x.Y/Bug failed", "/x.Y/Half failed"]
    assert all(record.exc_info for record in caplog.records)
    caplog.clear()  # tracebacks hold what they passed through


async def _fails(channel: Channel, path: str) -> tuple[int, Code, str]:
    got = 0
    try:
        async for _ in channel.server_stream(path, Empty(), BytesValue):
            got += 1
    except RpcError as error:
        return got, error.code, error.message
    raise AssertionError("did not fail")
