"""grpcio's server in a process of its own: echo on bytes at the unix socket argv[1], until its stdin ends."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc


def _context(context: Any) -> dict[str, Any]:
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata([pair for pair in metadata.items() if pair[0].startswith("echo-")])
    context.set_trailing_metadata([("trail", "end"), ("trail-bin", b"\x00\xff")])
    if "code" in metadata:
        codes = {code.value[0]: code for code in grpc.StatusCode}
        context.abort(codes[int(metadata["code"])], metadata["message-bin"].decode())
    return metadata


def unary(request: bytes, context: Any) -> bytes:
    """The request."""
    _context(context)
    return request


def down(request: bytes, context: Any) -> Iterator[bytes]:
    """The request as often as `count` says."""
    for _ in range(int(_context(context).get("count", 3))):
        yield request


def up(requests: Iterator[bytes], context: Any) -> bytes:
    """The requests joined."""
    return b"".join(requests)


def both(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
    """Each request."""
    _context(context)
    yield from requests


def main() -> None:
    """Serve until stdin ends."""
    options = [("grpc.max_receive_message_length", 32 << 20), ("grpc.max_send_message_length", 64 << 20)]
    server = grpc.server(ThreadPoolExecutor(8), options=options)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Down": grpc.unary_stream_rpc_method_handler(down),
        "Up": grpc.stream_unary_rpc_method_handler(up),
        "Both": grpc.stream_stream_rpc_method_handler(both),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Echo", handlers)])
    server.add_insecure_port(f"unix:{sys.argv[1]}")
    server.start()
    print("ready", flush=True)
    sys.stdin.read()
    server.stop(None).wait()


main()
