"""Who is kept out is told why, also when he was talking already; and does not stay because he goes on talking."""

import asyncio
import select
import socket
import ssl

import pytest

from ext.http2.limits import Limits
from tests.rpc.conftest import Run
from tests.rpc.echo import Echo, serving, until
from tests.rpc.pki import authority
from tests.rpc.test_tls import server_tls


def _stranger(address: str) -> ssl.SSLSocket:
    """A client without a certificate: in TLS 1.3 its handshake is over before the server has looked."""
    context = ssl.create_default_context(cadata=authority().pem.decode())
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    return context.wrap_socket(socket.create_connection((host, int(port)), 10), server_hostname=host)


def test_the_alert_arrives_though_more_was_said(run: Run) -> None:
    def talk(address: str) -> None:
        with _stranger(address) as client:
            assert select.select([client], [], [], 10)[0]  # the server has decided, and said so
            for _ in range(3):
                client.sendall(bytes(1 << 14))
            with pytest.raises(ssl.SSLError, match="certificate required"):
                client.recv(1)

    async def main() -> None:
        async with serving(server_tls(), Echo()) as (address, server):
            await asyncio.to_thread(talk, address)
            await until(lambda: server.connections == 0)

    run(main())


def test_who_stays_is_let_go_at_the_deadline(run: Run) -> None:
    async def main() -> None:
        async with serving(server_tls(), Echo(), limits=Limits(handshake=0.2)) as (address, server):
            with await asyncio.to_thread(_stranger, address):
                await until(lambda: server.connections == 0)

    run(main())
