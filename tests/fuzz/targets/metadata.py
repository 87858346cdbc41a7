"""What gRPC puts into header fields. Input: lines of `name: value`."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.rpc import call, metadata
from core.rpc.status import RpcError
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    fields = [(name, value) for name, _, value in (line.partition(b": ") for line in data.split(b"\n"))]
    found = attempt(Invalid, metadata.decode, fields)
    if found is not None:
        encoded = attempt(Invalid, metadata.encode, found)
        if encoded is not None:
            assert metadata.decode(encoded) == found
    for name, value in fields:
        _single(name, value)
    status = dict(fields)
    if b"grpc-status" in status:
        failure = call._status(status)
        assert failure is None or isinstance(failure, RpcError)


def _single(name: bytes, value: bytes) -> None:
    seconds = attempt(Invalid, metadata.parse_timeout, value)
    if seconds is not None:
        again = metadata.parse_timeout(metadata.format_timeout(seconds))
        assert again == seconds or abs(again - seconds) <= max(1e-9, seconds * 1e-5)
    text = metadata.unescape(value)
    assert metadata.unescape(metadata.escape(text)) == text
    raw = attempt(Invalid, metadata.unpack, value)
    assert raw is None or metadata.unpack(metadata.pack(raw)) == raw


def seeds() -> Iterator[bytes]:
    yield b"authorization: Bearer x\nkey-bin: AAEC,/w==\ngrpc-timeout: 5S\ncontent-type: application/grpc\nKey: v"
    yield b"grpc-status: 5\ngrpc-message: it%20is%C3%A9 gone %zz\ngrpc-status-details-bin: CAUSBWhlbGxvGgUKA2EvYg"
    yield b"grpc-status: 17\ngrpc-status: x\na: 99999999H\nb: 1n\nc: 123456789S\nd: 00000001m"
    yield b"nodes: 10.0.0.1\nnodes: 10.0.0.2\ntalos-role: os:admin\nx-bin: \xff"


TARGET = Target(check, seeds, runs=8000, largest=1024, minutes=5)
