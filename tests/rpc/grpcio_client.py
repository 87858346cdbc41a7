"""grpcio's client in a process of its own (its threads and descriptors stay there): plays every scenario against the
echo service at argv[1], with the PEM files argv[2:5] (CA, certificate, key) if given; prints what it saw as JSON."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import BytesValue

LIMIT = 32 << 20
OPTIONS = [
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]


def identity(message: bytes) -> bytes:
    """Messages stay bytes."""
    return message


def wrapped(size: int) -> bytes:
    """A BytesValue message of exactly `size` bytes."""
    head = next(head for head in range(2, 7) if BytesValue(value=bytes(size - head)).ByteSize() == size)
    return BytesValue(value=bytes(size - head)).SerializeToString()


def status(act: Callable[[], object]) -> list[Any]:
    """Code, message and details of the error that `act` must end with."""
    try:
        act()
    except grpc.RpcError as error:
        trailing = dict(error.trailing_metadata() or ())
        return [error.code().name, error.details(), "grpc-status-details-bin" in trailing]
    return ["OK", "", False]


def play(channel: Any) -> dict[str, Any]:
    """Every scenario."""
    unary = channel.unary_unary("/test.Echo/Unary", identity, identity)
    down = channel.unary_stream("/test.Echo/Down", identity, identity)
    up = channel.stream_unary("/test.Echo/Up", identity, identity)
    both = channel.stream_stream("/test.Echo/Both", identity, identity)
    hang = channel.unary_unary("/test.Echo/Hang", identity, identity)
    small, largest = wrapped(100), wrapped(LIMIT)
    reply, call = unary.with_call(small, metadata=[("echo-a", "text"), ("echo-b-bin", b"\x00\xff")])
    failing = [("code", "8"), ("message-bin", "weil's 100 % ü\n🙂".encode())]
    cancelled = hang.future(small)
    time.sleep(0.1)
    cancelled.cancel()
    many = [unary.future(wrapped(1000 + n), metadata=[("wait", "1")]) for n in range(500)]
    return {
        "unary": reply == small,
        "initial": [[k, list(v) if isinstance(v, bytes) else v] for k, v in call.initial_metadata()],
        "trailing": [[k, list(v) if isinstance(v, bytes) else v] for k, v in call.trailing_metadata()],
        "down": [m == small for m in down(small, metadata=[("count", "2000")])] == [True] * 2000,
        "up": len(up(iter([small] * 100))),
        "both": ping_pong(both),
        "error": status(lambda: unary(small, metadata=failing)),
        "stream error": status(lambda: list(down(small, metadata=failing))),
        "unknown": status(lambda: channel.unary_unary("/test.Echo/No", identity, identity)(small))[0],
        "deadline": status(lambda: hang(small, timeout=0.1))[0],
        "at the limit": unary(largest) == largest,
        "over the limit": status(lambda: unary(wrapped(LIMIT + 1)))[0],
        "still alive": unary(small) == small,
        "many": [future.result() == wrapped(1000 + n) for n, future in enumerate(many)] == [True] * 500,
        "compressed": status(lambda: unary(small, compression=grpc.Compression.Gzip))[0],
    }


def ping_pong(both: Any) -> bool:
    """Each message is sent after the answer to the one before."""
    gate = threading.Semaphore(1)

    def requests() -> Iterator[bytes]:
        for number in range(50):
            gate.acquire()
            yield wrapped(200 + number)

    got = []
    try:
        for message in both(requests()):
            got.append(message)
            gate.release()
    finally:
        gate.release(50)  # a call that failed leaves its requests to a thread, for which the process would wait
    return got == [wrapped(200 + number) for number in range(50)]


def main() -> None:
    """Dial, play, print."""
    if len(sys.argv) > 2:
        ca, certificate, key = (Path(name).read_bytes() for name in sys.argv[2:5])
        channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials(ca, key, certificate), OPTIONS)
    else:
        channel = grpc.insecure_channel(sys.argv[1], OPTIONS)
    with channel:
        json.dump(play(channel), sys.stdout)


main()
