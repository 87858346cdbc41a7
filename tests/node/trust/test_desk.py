"""A control plane's trustd under those who should join, those who should not, and those who try what must not work."""

import asyncio
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.node.api.trust import Authority
from core.node.resources.cluster import Member
from core.node.resources.config import MachineConfig, MachineType
from core.node.trust.desk import source_of
from core.pki import keys, requests
from core.pki.types import Algorithm
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2
from core.rpc.pb.security import security_pb2 as pb
from core.rpc.pb.trust import trust_pb2
from core.rpc.pb.v1alpha1 import state_pb2
from core.rpc.server import Server
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.node.trust.house import CERTIFICATE, CONFIG, SECRETS, TOKEN, ask, control_plane, work
from tests.support.clock import on_loop

KEY = keys.dump(keys.new(Algorithm.ED25519))
HONEST = requests.new(KEY, "w-1", ("w-1",), ("10.0.0.5",))
OTHER = keys.dump(keys.new(Algorithm.ED25519))
RIVAL = requests.new(OTHER, "w-1", ("w-1",), ("10.0.0.5",))


async def _refused(port: int, csr: bytes = HONEST, **others: object) -> tuple[Code, str]:
    with pytest.raises(RpcError) as caught:
        await ask(port, csr, **others)  # type: ignore[arg-type] # as the caller named them
    return caught.value.code, caught.value.message


def _text(certificate: bytes) -> str:
    command = ["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253", "-ext"]
    command.append("subjectAltName,extendedKeyUsage,basicConstraints")
    return subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode()


def _verifies(folder: Path, purpose: str) -> bool:
    command = ["openssl", "verify", "-purpose", purpose, "-verify_ip", "10.0.0.5", "-CAfile", "ca", "crt"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@on_loop
async def test_who_has_the_token_gets_one_server_certificate(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):
        certificate = await ask(port, HONEST)
    shown = _text(certificate)
    assert "DNS:w-1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:10.0.0.5\n" in shown
    assert "subject=CN=w-1\n" in shown
    assert "TLS Web Server Authentication\n" in shown
    (tmp_path / "ca").write_bytes(SECRETS.certs.os.crt)
    (tmp_path / "crt").write_bytes(certificate)
    assert _verifies(tmp_path, "sslserver")
    assert not _verifies(tmp_path, "sslclient")


@pytest.mark.parametrize("tokens", [(), ("",), ("wrong",), (TOKEN.upper(),), (TOKEN + "x",), (TOKEN, TOKEN)])
@on_loop
async def test_who_does_not_have_it_is_nobody(tmp_path: Path, tokens: tuple[str, ...]) -> None:
    async with control_plane(tmp_path) as (plane, port):
        code, message = await _refused(port, tokens=tokens)
        assert (code, message) == (Code.UNAUTHENTICATED, "the token is missing or wrong")
        assert not plane.holders.claimed("10.9.9.9")


@on_loop
async def test_a_cluster_without_a_token_admits_nobody(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (plane, port):
        await ask(port, HONEST)
        bare = CONFIG.replace(f"token: {TOKEN}".encode(), b"token: ''")
        assert bare != CONFIG
        async with Channel(tmp_path / "trustd.sock") as channel:
            told = channel.server_stream("/ichor.trust.Authority/Credentials", Empty(), trust_pb2.CredentialsResponse)
            assert (await anext(aiter(told))).token_digest
            plane.put("v1alpha1", MachineConfig(yaml_marshalled=bare))
            assert not (await anext(aiter(told))).token_digest  # trustd was told before
        assert (await _refused(port))[0] is Code.UNAUTHENTICATED
        assert (await _refused(port, tokens=("",)))[0] is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("csr", "code"),
    [
        (requests.new(KEY, "", ("cp-1",)), Code.PERMISSION_DENIED),
        (requests.new(KEY, "", ("cp-1.example.org",)), Code.PERMISSION_DENIED),
        (requests.new(KEY, "", ("api.example.org",)), Code.PERMISSION_DENIED),
        (requests.new(KEY, "", ("talos",)), Code.PERMISSION_DENIED),
        (requests.new(KEY, "", (), ("10.0.0.2",)), Code.PERMISSION_DENIED),
        (requests.new(KEY, "", ("w-1", "w-2")), Code.PERMISSION_DENIED),
        (requests.new(KEY, "w-1", ("w-1",), (), ("os:admin",)), Code.PERMISSION_DENIED),
        (b"", Code.INVALID_ARGUMENT),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", Code.INVALID_ARGUMENT),
        (b"x" * (16 * 1024 + 1), Code.INVALID_ARGUMENT),
        (b"x" * (64 * 1024), Code.RESOURCE_EXHAUSTED),
    ],
)
@on_loop
async def test_what_smells_is_refused_and_the_next_one_served(tmp_path: Path, csr: bytes, code: Code) -> None:
    async with control_plane(tmp_path) as (_, port):
        assert (await _refused(port, csr))[0] is code
        assert await ask(port, HONEST)


@on_loop
async def test_a_source_gets_eight_an_hour_and_another_is_not_disturbed(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):
        for _ in range(4):
            await ask(port, HONEST)
            assert (await _refused(port, requests.new(KEY, "", ("cp-1",))))[0] is Code.PERMISSION_DENIED  # counts too
        for _ in range(3):
            assert (await _refused(port))[0] is Code.RESOURCE_EXHAUSTED
        assert (await _refused(port, tokens=("wrong",)))[0] is Code.UNAUTHENTICATED
        assert await ask(port, requests.new(KEY, "w-2", ("w-2",)), host="::1")


@on_loop
async def test_who_asks_while_machined_is_away_loses_nothing(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (plane, port):
        await ask(port, HONEST)
        (tmp_path / "trustd.sock").unlink()
        await plane.server.drain(0)
        for _ in range(10):
            assert (await _refused(port))[0] is Code.UNAVAILABLE
        again = Server([Authority(plane.store, plane.holders, work, SystemClock()).service()])
        with socket.socket(socket.AF_UNIX) as own:
            own.bind(str(tmp_path / "trustd.sock"))
            own.listen()
            await again.serve(own)
            assert await ask(port, HONEST)
            await again.drain(0)


@on_loop
async def test_what_one_node_was_given_another_does_not_get(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (plane, port):
        await ask(port, HONEST)
        await ask(port, HONEST)  # to the same it is renewed
        assert "another's name" in (await _refused(port, requests.new(OTHER, "", ("w-1",)), host="::1"))[1]
        assert "another's address" in (await _refused(port, requests.new(OTHER, "", (), ("10.0.0.5",)), host="::1"))[1]
        assert await ask(port, requests.new(OTHER, "", ("w-9",)), host="::1")
        plane.put("w-3", Member(node_id="3", hostname="w-3", addresses=("10.0.0.8",), machine_type=MachineType.WORKER))
        assert "another's name" in (await _refused(port, requests.new(KEY, "", ("w-3",)), host="::1"))[1]
        assert "another's address" in (await _refused(port, requests.new(KEY, "", (), ("10.0.0.8",)), host="::1"))[1]
        own = plane.holders.taken("10.0.0.8")
        assert "w-1" not in own
        assert not {"w-3", "10.0.0.8"} & {*own}  # it may renew what is its own
        plane.put("w-3", Member(node_id="3", addresses=("10.0.0.8",), machine_type=MachineType.CONTROLPLANE))
        assert "10.0.0.8" in plane.holders.taken("10.0.0.8")


@on_loop
async def test_two_who_ask_for_one_name_at_once_do_not_both_get_it(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):
        answers = await asyncio.gather(ask(port, HONEST), ask(port, RIVAL, host="::1"), return_exceptions=True)
    assert sorted(isinstance(answer, bytes) for answer in answers) == [False, True]


@on_loop
async def test_who_has_the_key_moves_and_nobody_with_the_token_alone_takes_its_name(tmp_path: Path) -> None:
    """A worker of two addresses, or of a new one."""
    async with control_plane(tmp_path) as (_, port):
        await ask(port, HONEST)
        assert "another's name" in (await _refused(port, RIVAL, host="::1"))[1]
        assert "DNS:w-1" in _text(await ask(port, HONEST, host="::1"))
        assert "DNS:w-1" in _text(await ask(port, HONEST))  # and back
        await ask(port, HONEST, host="::1")
        # where it came from is free for who comes from there, with a name of his own; what it was called is not
        assert "another's name" in (await _refused(port, RIVAL))[1]
        assert await ask(port, requests.new(OTHER, "", ("w-2",)))
        # a node that was wiped comes with another key, from where it was
        assert "DNS:w-1" in _text(await ask(port, RIVAL, host="::1"))


@on_loop
async def test_what_was_claimed_of_an_address_gives_way_to_who_asks_from_it(tmp_path: Path) -> None:
    async with control_plane(tmp_path):
        squat = requests.new(OTHER, "", ("squat",), ("127.0.0.1", "10.0.0.5", "10.0.0.6"))
        async with Channel(tmp_path / "trustd.sock") as channel:

            async def sign(csr: bytes, source: str) -> trust_pb2.SignResponse:
                asked = trust_pb2.SignRequest(csr=csr, source=source)
                return await channel.unary("/ichor.trust.Authority/Sign", asked, trust_pb2.SignResponse)

            await sign(squat, "10.0.0.9")
            with pytest.raises(RpcError, match=r"10\.0\.0\.6 is another's address"):
                await sign(requests.new(KEY, "w-1", ("w-1",), ("10.0.0.5", "10.0.0.6")), "10.0.0.5")
            assert (await sign(HONEST, "10.0.0.5")).crt


@on_loop
async def test_a_renewal_that_is_due_costs_nothing(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (plane, port):
        await ask(port, HONEST)
        for _ in range(20):
            plane.age()
            await ask(port, HONEST)
        for _ in range(7):
            await ask(port, HONEST)  # none of these is
        assert (await _refused(port))[0] is Code.RESOURCE_EXHAUSTED


@on_loop
async def test_the_socket_of_trustd_offers_nothing_but_its_two_calls(tmp_path: Path) -> None:
    async with control_plane(tmp_path), Channel(tmp_path / "trustd.sock") as channel:
        admin = [("talos-role", "os:admin")]
        get = state_pb2.GetRequest(namespace="secrets", type="OSRootSecrets.secrets.talos.dev", id="os")
        for path in ("/cosi.resource.State/Get", "/machine.MachineService/Version", CERTIFICATE):
            with pytest.raises(RpcError) as caught:
                await channel.unary(path, get, machine_pb2.VersionResponse, admin)
            assert caught.value.code is Code.UNIMPLEMENTED
        first = await anext(
            aiter(channel.server_stream("/ichor.trust.Authority/Credentials", get, trust_pb2.CredentialsResponse))
        )
        said = first.SerializeToString()
        for secret in (TOKEN.encode(), SECRETS.certs.os.key, *SECRETS.certs.os.key.splitlines()[1:-1]):
            assert secret not in said


@on_loop
async def test_who_asks_from_the_control_plane_itself_gets_nothing(tmp_path: Path) -> None:
    """A pod there comes from the same address."""
    async with control_plane(tmp_path), Channel(tmp_path / "trustd.sock") as channel:
        sign = trust_pb2.SignRequest(csr=HONEST, source="10.0.0.2")
        with pytest.raises(RpcError, match="another's address"):
            await channel.unary("/ichor.trust.Authority/Sign", sign, pb.CertificateResponse)


@on_loop
async def test_trustd_is_not_believed_to_name_an_address(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (plane, _), Channel(tmp_path / "trustd.sock") as channel:
        for source in ("", "w-1", "10.0.0.5:1", "0.0.0.0/0"):
            sign = trust_pb2.SignRequest(csr=HONEST, source=source)
            with pytest.raises(RpcError, match="no address") as caught:
                await channel.unary("/ichor.trust.Authority/Sign", sign, pb.CertificateResponse)
            assert caught.value.code is Code.INVALID_ARGUMENT
        sign = trust_pb2.SignRequest(csr=HONEST, source="FD00:0::5")
        await channel.unary("/ichor.trust.Authority/Sign", sign, pb.CertificateResponse)
        assert not plane.holders.claimed("fd00::5")  # it holds it itself
        assert {*plane.holders.claimed("fd00::6").values()} == {("10.0.0.5", "fd00::5", "w-1")}


@on_loop
async def test_trustd_asks_for_no_client_certificate_and_speaks_h2_alone(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):

        def shake(protocol: str) -> str | None:
            context = ssl.create_default_context(cadata=SECRETS.certs.os.crt.decode())
            context.set_alpn_protocols([protocol])
            plain = socket.create_connection(("127.0.0.1", port))
            with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
                return tls.selected_alpn_protocol()

        assert await asyncio.to_thread(shake, "h2") == "h2"
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.to_thread(shake, "http/1.1")


@on_loop
async def test_only_the_api_s_server_is_believed(tmp_path: Path) -> None:
    """A joining node hands its token to nobody but a server of the authority it knows."""
    async with control_plane(tmp_path) as (_, port):
        other = ClientTLS(SECRETS.certs.k8s.crt)
        async with Channel(f"127.0.0.1:{port}", other) as channel:
            with pytest.raises(RpcError, match="certificate"):
                await channel.unary(CERTIFICATE, pb.CertificateRequest(csr=HONEST), pb.CertificateResponse)


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("10.0.0.1:5", "10.0.0.1"),
        ("[::ffff:10.0.0.1]:5", "10.0.0.1"),
        ("[fd00::1]:5", "fd00::1"),
        ("[fe80::1%eth0]:5", "fe80::1"),
    ],
)
def test_the_source_is_what_it_is(peer: str, source: str) -> None:
    assert str(source_of(peer)) == source
