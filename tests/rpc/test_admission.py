"""Who may connect: so many from one address, so many without a handshake."""

import asyncio
import socket

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.admission import _origin
from core.rpc.client import connect
from core.rpc.tls import ClientTLS
from ext.http2.limits import Limits
from tests.rpc.conftest import Run
from tests.rpc.echo import UNARY, Echo, serving, until
from tests.rpc.test_tls import server_tls

MESSAGE = BytesValue(value=b"message")


async def dialled(address: str, source: str) -> socket.socket:
    """A connection from an address of loopback."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.bind((source, 0))
    host, _, port = address.rpartition(":")
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    return sock


async def ended(sock: socket.socket) -> bool:
    """Read until the server hangs up."""
    try:
        while await asyncio.get_running_loop().sock_recv(sock, 65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_connections_from_one_address_are_bounded(run: Run) -> None:
    async def main() -> None:
        async with serving(None, Echo(), limits=Limits(addresses=2)) as (address, server):
            first, second = await dialled(address, "127.0.0.2"), await dialled(address, "127.0.0.2")
            await until(lambda: server.connections == 2)
            with await dialled(address, "127.0.0.2") as third:
                assert await ended(third)
            async with await connect(address) as elsewhere:
                assert await elsewhere.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            first.close()
            await until(lambda: server.connections == 1)
            with await dialled(address, "127.0.0.2"), second:
                await until(lambda: server.connections == 2)
            await until(lambda: server.connections == 0)

    run(main())


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_half_open_handshakes_hold_nobody_up(run: Run, said: bytes) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with serving(server_tls(required=False), Echo(), limits=Limits(handshakes=3)) as (address, server):
            half = [await dialled(address, "127.0.0.1") for _ in range(3)]
            for sock in half:
                await loop.sock_sendall(sock, said)
            await until(lambda: server.connections == 3)
            channels = [await connect(address, ClientTLS(insecure=True))]
            assert await ended(half[0])
            assert server.connections == 3
            channels += [await connect(address, ClientTLS(insecure=True)) for _ in range(5)]  # hands shaken: no matter
            for channel in channels:
                assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
                await channel.close()
            for sock in half:
                sock.close()
            await until(lambda: server.connections == 0)

    run(main())


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("/run/sock", None),
        ("", None),
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 5, 0, 0), "2001:db8:1:2::"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::"),
    ],
)
def test_where_a_connection_comes_from(address: object, origin: str | None) -> None:
    assert _origin(address) == origin
