"""TLS at both ends: which certificates pass, of every key type, and which do not; OpenSSL's own tools as a peer."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from core.base.errors import Invalid
from core.rpc.client import Channel, connect
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS, ServerTLS
from ext.http2.connection import Connection
from ext.http2.tls import TLSError
from tests.rpc import pki
from tests.rpc.conftest import Run
from tests.rpc.echo import UNARY, Echo, serving, until
from tests.rpc.pki import CLIENT, SERVER, Kind, Pair, authority, issue

MESSAGE = BytesValue(value=b"message")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)


def server_tls(kind: Kind = "ed25519", *, required: bool = True, accept: bytes | None = None) -> ServerTLS:
    """A server certificate of the kind, and the CA for clients."""
    leaf = issue(authority(kind), kind=kind, usage=(SERVER,))
    return ServerTLS(leaf.pem, leaf.key, (accept or authority(kind).pem) if required else None)


def client_tls(leaf: Pair, kind: Kind = "ed25519", chain: bytes = b"") -> ClientTLS:
    """A client that shows `leaf` and trusts the CA of the kind."""
    return ClientTLS(authority(kind).pem, leaf.pem + chain, leaf.key)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_mutual_tls_with_every_key_type(run: Run, kind: Kind) -> None:
    async def main() -> None:
        echo, leaf = Echo(), issue(authority(kind), kind=kind)
        async with (
            serving(server_tls(kind), echo) as (address, _),
            await connect(address, client_tls(leaf, kind)) as channel,
        ):
            assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            big = BytesValue(value=bytes(8 << 20))
            assert await channel.unary(UNARY, big, BytesValue) == big
            peer = echo.contexts[0].peer
            assert (peer.certificate, peer.pid) == (leaf.der, None)
            assert peer.address.startswith("127.0.0.1:")

    run(main())


BAD = {
    "none": None,
    "other CA": issue(authority(name="foreign")),
    "self-signed": authority(name="foreign"),
    "expired": issue(authority(), ends=-0.5),
    "not yet valid": issue(authority(), starts=0.5),
    "server usage": issue(authority(), usage=(SERVER,)),
    "both usages": issue(authority(), usage=(CLIENT, SERVER)),
    "no usage": issue(authority(), usage=()),
    "the CA itself": authority(),
    "a CA below": issue(authority(), usage=(), ca=True, name="below"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_server_refuses(run: Run, what: str) -> None:
    async def main() -> None:
        leaf = BAD[what]
        tls = ClientTLS(authority().pem) if leaf is None else client_tls(leaf)
        echo = Echo()
        async with serving(server_tls(), echo) as (address, server):
            with pytest.raises(RpcError) as caught:
                await connect(address, tls)
            assert caught.value.code is Code.UNAVAILABLE
            assert "alert" in caught.value.message
            await until(lambda: server.connections == 0)
            assert echo.contexts == []

    run(main())


def test_an_intermediate_may_stand_between(run: Run) -> None:
    async def main() -> None:
        middle = issue(authority(), usage=(), ca=True, name="middle")
        leaf = issue(middle)
        async with serving(server_tls(), Echo()) as (address, _):
            async with await connect(address, client_tls(leaf, chain=middle.pem)) as channel:
                assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            with pytest.raises(RpcError):
                await connect(address, client_tls(leaf))

    run(main())


def test_a_server_in_maintenance_asks_for_no_certificate(run: Run) -> None:
    async def main() -> None:
        echo = Echo()
        async with serving(server_tls(required=False), echo) as (address, _):
            for tls in (ClientTLS(insecure=True), client_tls(issue(authority()))):
                async with await connect(address, tls) as channel:
                    assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE
            assert [context.peer.certificate for context in echo.contexts] == [None, None]

    run(main())


def test_accepted_authorities_change_while_serving(run: Run) -> None:
    async def main() -> None:
        old, new = issue(authority()), issue(authority(name="next"))
        tls = server_tls()
        async with serving(tls, Echo()) as (address, _), await connect(address, client_tls(old)) as standing:
            await standing.unary(UNARY, MESSAGE, BytesValue)
            leaf = issue(authority(), usage=(SERVER,))
            with pytest.raises(RpcError):
                await connect(address, client_tls(new))
            tls.update(leaf.pem, leaf.key, authority().pem + authority(name="next").pem)
            for accepted in (old, new):
                async with await connect(address, client_tls(accepted)) as channel:
                    await channel.unary(UNARY, MESSAGE, BytesValue)
            tls.update(leaf.pem, leaf.key, authority(name="next").pem)
            with pytest.raises(RpcError):
                await connect(address, client_tls(old))
            await standing.unary(UNARY, MESSAGE, BytesValue)  # what stands is not touched

    run(main())


@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        (lambda: ClientTLS(authority(name="foreign").pem), "certificate"),
        (lambda: ClientTLS(authority().pem, server_name="other.example"), "hostname mismatch"),
        (lambda: ClientTLS(authority().pem, server_name="127.0.0.2"), "IP address mismatch"),
        (lambda: ClientTLS(fingerprints=(bytes(32),)), "rejected"),
    ],
)
def test_a_client_refuses(run: Run, tls: Callable[[], ClientTLS], reason: str) -> None:
    async def main() -> None:
        async with serving(server_tls(required=False), Echo()) as (address, _):
            with pytest.raises(RpcError, match=reason) as caught:
                await connect(address, tls())
            assert caught.value.code is Code.UNAVAILABLE

    run(main())


def test_a_client_checks_by_name_by_address_and_by_fingerprint(run: Run) -> None:
    async def main() -> None:
        leaf = issue(authority(), usage=(SERVER,), ends=0.5)
        async with serving(ServerTLS(leaf.pem, leaf.key), Echo()) as (address, _):
            port = address.rpartition(":")[2]
            for where, tls in (
                (address, ClientTLS(authority().pem)),
                (f"localhost:{port}", ClientTLS(authority().pem)),
                (address, ClientTLS(authority().pem, server_name="localhost")),
                (address, ClientTLS(fingerprints=(bytes(32), leaf.fingerprint))),
            ):
                async with Channel(where, tls) as channel:
                    assert await channel.unary(UNARY, MESSAGE, BytesValue) == MESSAGE

    run(main())


def test_a_client_refuses_an_expired_server(run: Run) -> None:
    async def main() -> None:
        leaf = issue(authority(), usage=(SERVER,), ends=-0.5)
        async with serving(ServerTLS(leaf.pem, leaf.key), Echo()) as (address, _):
            with pytest.raises(RpcError, match="expired"):
                await connect(address, ClientTLS(authority().pem))

    run(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_ssl_module_as_client(run: Run, tmp_path: Path, version: ssl.TLSVersion) -> None:
    async def main() -> None:
        async with serving(server_tls(), Echo()) as (address, _):
            reader, writer = await _dial(address, tmp_path, version, ["h2"])
            ssl_object = writer.get_extra_info("ssl_object")
            assert (ssl_object.version(), ssl_object.selected_alpn_protocol()) == (version.name.replace("_", "."), "h2")
            writer.write(PREFACE)
            assert (await reader.readexactly(9))[3] == 4  # SETTINGS
            writer.transport.abort()

    run(main())


@pytest.mark.parametrize("offered", [[], ["http/1.1"], ["h2c"]])
def test_alpn_is_h2_or_nothing(tmp_path: Path, offered: list[str]) -> None:
    async def main() -> None:
        async with serving(server_tls(), Echo()) as (address, server):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                reader, _ = await _dial(address, tmp_path, ssl.TLSVersion.TLSv1_3, offered)
                await reader.readexactly(1)
            await until(lambda: server.connections == 0)

    asyncio.run(main())


def test_no_older_version_than_1_2(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(server_tls(), Echo()) as (address, _):
            result = await asyncio.to_thread(_s_client, address, tmp_path, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
            assert "CONNECTION ESTABLISHED" not in result

    asyncio.run(main())


def test_openssl_sees_no_ticket(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(server_tls(), Echo()) as (address, _):
            result = await asyncio.to_thread(_s_client, address, tmp_path)
            assert "ALPN protocol: h2" in result
            assert "TLSv1.3" in result
            assert "Session Ticket" not in result

    asyncio.run(main())


def test_material_that_does_not_fit_is_invalid() -> None:
    one, two = issue(authority(), usage=(SERVER,)), issue(authority())
    for certificate, key, authorities in (
        (one.pem, two.key, None),
        (b"", one.key, None),
        (one.pem, b"", None),
        (one.pem, one.key, b"nothing here"),
        (one.pem + one.pem[:200], one.key, None),
        (one.pem, one.key, one.pem[:200]),
    ):
        with pytest.raises(Invalid):
            ServerTLS(certificate, key, authorities)
    tls = ServerTLS(one.pem, one.key)
    kept = tls.context
    with pytest.raises(Invalid):
        tls.update(one.pem, two.key)
    assert tls.context is kept
    for wrong in ({}, {"authorities": one.pem, "insecure": True}, {"fingerprints": (b"short",)}):
        with pytest.raises(Invalid):
            ClientTLS(**wrong)
    client = ClientTLS(one.pem, one.pem, one.key)
    with pytest.raises(Invalid):
        client.update(one.pem, two.key)
    client.update(two.pem, two.key)


async def _dial(
    address: str, folder: Path, version: ssl.TLSVersion, protocols: list[str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(protocols)
    context.load_verify_locations(cadata=authority().pem.decode())
    context.load_cert_chain(*_files(folder))
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port), ssl=context)


def _files(folder: Path) -> tuple[Path, Path]:
    leaf = pki.issue(authority())
    certificate, key = folder / "client.crt", folder / "client.key"
    certificate.write_bytes(leaf.pem)
    key.write_bytes(leaf.key)
    return certificate, key


def _s_client(address: str, folder: Path, *more: str) -> str:
    certificate, key = _files(folder)
    command = ["openssl", "s_client", "-connect", address, "-alpn", "h2"]
    command += ["-cert", str(certificate), "-key", str(key), *more]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=20, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


async def _sooner_or_later(channel: Channel) -> Connection:
    """Connected, when the server that was started listens."""
    while True:
        try:
            return await channel.connection()
        except RpcError:
            await asyncio.sleep(0.01)


def test_a_client_is_told_whose_certificates_are_let_in(run: Run, tmp_path: Path) -> None:
    leaf, both = issue(authority(), usage=(SERVER,)), (authority(), authority(name="foreign"))
    for name, data in (("crt", leaf.pem), ("key", leaf.key), ("cas", both[0].pem + both[1].pem)):
        (tmp_path / name).write_bytes(data)
    words = ["openssl", "s_server", "-quiet", "-alpn", "h2", "-cert", "crt", "-key", "key"]

    async def main() -> None:
        for more, admitted in ((["-CAfile", "cas", "-verify", "1"], both), ([], ())):
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
            command = [*words, "-accept", f"127.0.0.1:{port}", *more]
            with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE) as peer:  # noqa: ASYNC220 # at once
                try:
                    assert peer.stdin is not None
                    peer.stdin.write(bytes(3) + b"\x04" + bytes(5))  # SETTINGS
                    peer.stdin.flush()
                    async with Channel(f"127.0.0.1:{port}", ClientTLS(insecure=True)) as channel:
                        connection = await _sooner_or_later(channel)
                        assert connection.certificate == leaf.der
                        names = [each.certificate.subject.public_bytes() for each in admitted]
                        assert connection.admitted == names
                finally:
                    peer.kill()

    run(main())


def test_a_client_has_to_say_whom_it_expects(run: Run) -> None:
    async def main() -> None:
        tls = ClientTLS(authority().pem)
        for name in ("", "x" * 300):
            here, there = socket.socketpair()
            with here, there, pytest.raises(TLSError):
                Connection(False, loop=asyncio.get_running_loop(), sock=here, tls=tls.context, name=name)

    run(main())
