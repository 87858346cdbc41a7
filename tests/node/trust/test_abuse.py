"""Those who have the token, or guess at it, and want more than it gives: names that are others', however written,
requests that are large or strange, connections that do nothing. Whoever is honest is served meanwhile."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.empty_pb2 import Empty

from core.node.resources.cluster import Member
from core.node.resources.config import MachineType
from core.node.trust import desk
from core.pki import keys, pem, requests
from core.pki.types import Algorithm
from core.rpc.client import Channel
from core.rpc.pb.security import security_pb2 as pb
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.node.trust.house import CERTIFICATE, SECRETS, TOKEN, ControlPlane, ask, control_plane
from tests.pki import handmade
from tests.support.clock import on_loop

KEY = Ed25519PrivateKey.generate()
HONEST = requests.new(keys.dump(keys.new(Algorithm.ED25519)), "w-1", ("w-1",), ("10.0.0.5",))
REFUSED = (Code.PERMISSION_DENIED, Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED)


def _names(*names: bytes | str) -> bytes:
    """A request for what was given as bytes as a host's name, for what was given as text as an address."""
    wanted = [
        (handmade.DNS, name) if isinstance(name, bytes) else (handmade.ADDRESS, ip_address(name).packed)
        for name in names
    ]
    return handmade.request(KEY, [[handmade.alternatives(wanted)]])


def _twice(*names: bytes) -> bytes:
    one, other = (handmade.alternatives([(handmade.DNS, name)]) for name in names)
    return handmade.request(KEY, [[one, other]])


@asynccontextmanager
async def _cluster(folder: Path) -> AsyncIterator[tuple[ControlPlane, int]]:
    """With a worker that discovery tells of."""
    async with control_plane(folder) as (plane, port):
        worker = Member(node_id="3", hostname="w-3", addresses=("10.0.0.8", "fd00::8"), machine_type=MachineType.WORKER)
        plane.put("w-3", worker)
        yield plane, port


async def _code(port: int, csr: bytes, token: str = TOKEN) -> Code:
    try:
        await ask(port, csr, tokens=(token,))
    except RpcError as error:
        return error.code
    return Code.OK


OTHERS: tuple[bytes | str, ...] = (
    *(b"cp-1", b"CP-1", b"cp-1.", b"cP-1.EXAMPLE.org", b"cp-1.example.org.", b"w-3", b"W-3."),
    *(b"*", b"*.example.org", b"cp-*.example.org", b"w-3.*", b"API.Example.Org", b"localhost"),
    *(name.encode() for name in ("\uff43\uff50-1", "cp\u20111", "w\u30023", "\u0441p-1")),  # look the same
    *(b"xn--cp-1-", b"cp-1\0.example.net", b"cp-1 ", b"-cp-1", b"10.0.0.2", b"0x0a000002"),
    *("10.0.0.2", "10.0.0.8", "fd00::8", "::ffff:10.0.0.2", "::ffff:a00:8"),
    *("0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:127.0.0.1"),
    *(b"a" * 64, b".".join([b"a" * 60] * 5)),
)
DRESSES = (
    *map(_names, OTHERS),
    _names(b"w-1", b"w-2"),
    _names(*(f"10.7.0.{n}" for n in range(33))),
    _twice(b"w-1", b"cp-1"),
    _twice(b"cp-1", b"w-1"),
)


@pytest.mark.parametrize("csr", DRESSES, ids=[str(number) for number in range(len(DRESSES))])
@on_loop
async def test_no_name_of_another_s_in_any_dress(tmp_path: Path, csr: bytes) -> None:
    async with _cluster(tmp_path) as (plane, port):
        assert await _code(port, csr) in REFUSED
        assert not plane.holders.claimed("x")


@pytest.mark.parametrize(
    "csr",
    [
        _names(*(f"10.{n >> 8}.{n & 255}.1" for n in range(1500))),
        b"x" * desk.LARGEST,
        pem.encode("CERTIFICATE REQUEST", bytes(desk.LARGEST * 3 // 5)),
        pem.encode("CERTIFICATE REQUEST", bytes.fromhex("3084ffffffff") + bytes(1000)),
        b"-----BEGIN CERTIFICATE REQUEST-----\n" * 400,
        bytes(desk.LARGEST + 1),
        bytes(3 * desk.LARGEST),
    ],
    ids=len,
)
@on_loop
async def test_what_is_huge_is_no_request(tmp_path: Path, csr: bytes) -> None:
    async with control_plane(tmp_path) as (_, port):
        assert await _code(port, csr) in REFUSED
        assert await _code(port, HONEST) is Code.OK


@on_loop
async def test_who_guesses_at_the_token_takes_nobody_s_turn(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (plane, port):
        guesses = [TOKEN[:-1] + letter for letter in "abcdefghijklmnop"] + ["", TOKEN * 2]
        async with Channel(f"127.0.0.1:{port}", ClientTLS(SECRETS.certs.os.crt)) as channel:

            async def guess(token: str) -> Code:
                request = pb.CertificateRequest(csr=HONEST)
                with pytest.raises(RpcError) as caught:
                    await channel.unary(CERTIFICATE, request, pb.CertificateResponse, [("token", token)], timeout=20)
                return caught.value.code

            codes = [await guess(token) for token in guesses * 10 if token != TOKEN]
        assert {*codes} == {Code.UNAUTHENTICATED}
        assert not plane.holders.claimed("x")
        assert await _code(port, HONEST) is Code.OK


@on_loop
async def test_other_methods_are_not_there(tmp_path: Path) -> None:
    tls = ClientTLS(SECRETS.certs.os.crt)
    async with control_plane(tmp_path) as (_, port), Channel(f"127.0.0.1:{port}", tls) as channel:
        for path in ("/ichor.trust.Authority/Sign", "/machine.MachineService/Version", "/cosi.resource.State/Get"):
            with pytest.raises(RpcError) as caught:
                await channel.unary(path, Empty(), Empty, [("token", TOKEN), ("talos-role", "os:admin")])
            assert caught.value.code is Code.UNIMPLEMENTED


@on_loop
async def test_who_holds_connections_and_says_nothing_keeps_nobody_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many from one address and no more; each is closed when its time is over; others come in all the while."""
    monkeypatch.setattr(desk, "_LIMITS", desk._LIMITS._replace(handshake=2.0, patience=2.0, idle=2.0))
    async with control_plane(tmp_path) as (_, port):
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        for _, writer in silent[:10]:
            writer.write(b"\x16\x03\x01\x02\x00\x01")  # a hello that never ends
        shaken = [await asyncio.to_thread(_shaken, port) for _ in range(4)]
        assert await ask(port, HONEST, host="::1")
        for reader, writer in silent:
            assert await _ended(reader)
            writer.close()
        for mute in shaken:
            assert await asyncio.to_thread(_until_closed, mute)
        assert await _code(port, HONEST) is Code.OK


def _shaken(port: int) -> ssl.SSLSocket:
    """Who shakes hands, from yet another address, and then begins a frame that never ends."""
    context = ssl.create_default_context(cadata=SECRETS.certs.os.crt.decode())
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0), timeout=20)
    tls = context.wrap_socket(plain, server_hostname="127.0.0.1")
    tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000") + b"\x00\x10")
    return tls


def _until_closed(mute: ssl.SSLSocket) -> bool:
    with mute, suppress(ssl.SSLError, ConnectionResetError):
        while mute.recv(4096):
            pass
    return True


async def _ended(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionResetError):
        await reader.read()
    return True
