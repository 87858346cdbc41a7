"""A worker's machined before a control plane's trustd: it gets its certificate there and nowhere else."""

import asyncio
import base64
import socket
from pathlib import Path

import pytest

from core.base.clock import SystemClock
from core.config import generate
from core.config.generate import Options
from core.node.controllers.config import machine_type
from core.node.controllers.k8s.network.endpoints import StaticEndpoint
from core.node.controllers.secrets import APICertificates, CertSANs, os_root
from core.node.controllers.secrets.join import join
from core.node.controllers.secrets.kept import FILE, Asked
from core.node.resources.block import MountStatus, VolumePhase, VolumeStatus
from core.node.resources.config import MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import APICerts, OSRoot
from core.node.resources.values import Certificate
from core.pki import der, issue, pem
from core.pki.types import Algorithm, Authority, Server
from core.rpc.context import Context
from core.rpc.pb.security import security_pb2 as pb
from core.rpc.server import Server as RpcServer
from core.rpc.service import Service, unary
from core.rpc.status import RpcError
from core.rpc.tls import ServerTLS
from tests.node.controllers.house import House
from tests.node.trust.house import NOW, SECRETS, control_plane, work
from tests.support.clock import on_loop

CONFIG = generate.worker(SECRETS, Options(name="c", endpoint="https://127.0.0.1:6443", additional_sans=("10.0.0.2",)))
API = APICerts.at("api")


class Worker(House):
    """Called `name`, at 10.0.0.5; with a `folder` it has STATE, if that is `mounted`."""

    def __init__(self, port: int, name: str = "w-1", folder: Path | None = None, *, mounted: bool = True) -> None:
        certificates = APICertificates(work, port=port, folder=folder or Path("nowhere"))
        super().__init__(SystemClock(), [os_root(), CertSANs(), machine_type(), StaticEndpoint(), certificates])
        if folder is None or not mounted:
            self.put("STATE", VolumeStatus(phase=VolumePhase.MISSING))
        else:
            self.put("STATE", MountStatus(source="", target=str(folder)))
        self.put("accumulative", NodeAddress(addresses=("10.0.0.5/24",)))
        self.put("hostname", HostnameStatus(hostname=name, domainname="example.org"))
        self.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))

    def certificate(self) -> bytes:
        """What its apid serves with; nothing while there is none."""
        found = self.store.find(API)
        return b"" if found is None else found.spec.server.crt


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@on_loop
async def test_a_worker_waits_for_a_control_plane_and_then_serves(tmp_path: Path) -> None:
    port = _free_port()
    worker = Worker(port)
    async with worker.running():
        await asyncio.sleep(0)
        assert not worker.certificate()
        async with control_plane(tmp_path, port) as (plane, _):
            await worker.until(worker.certificate)
            ((*claimed,),) = plane.holders.claimed("10.7.7.7").values()
            assert {"w-1.example.org", "10.0.0.5"} <= {*claimed}
        spec = worker.store.get(API).spec
        assert der.read(pem.certificates(spec.server.crt)[0]).common_name == "w-1.example.org"
        assert spec.client is None
        assert [accepted.crt for accepted in spec.accepted_cas] == [SECRETS.certs.os.crt]
        assert not spec.skip_verifying_client_cert
        # whom it accepts is the config's to say, and changes at once though nobody signs for it now
        other = issue.authority(Authority(NOW, Algorithm.ED25519, "talos"))
        more = b"machine:\n  acceptedCAs:\n    - crt: " + base64.b64encode(other.crt) + b"\n"
        changed = CONFIG.replace(b"machine:\n", more, 1)
        worker.put("v1alpha1", MachineConfig(yaml_marshalled=changed))
        await worker.until(lambda: len(worker.store.get(API).spec.accepted_cas) == 2)
        assert worker.certificate() == spec.server.crt


@on_loop
async def test_whose_name_is_taken_goes_by_its_address(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):
        worker = Worker(port, "cp-1")
        async with worker.running():
            await worker.until(worker.certificate)
        assert der.read(pem.certificates(worker.certificate())[0]).common_name == ""


@on_loop
async def test_a_new_name_is_asked_for_at_once(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):
        worker = Worker(port)
        async with worker.running():
            await worker.until(worker.certificate)
            first = worker.certificate()
            worker.put("hostname", HostnameStatus(hostname="w-2", domainname="example.org"))
            await worker.until(lambda: worker.certificate() != first)
        assert der.read(pem.certificates(worker.certificate())[0]).common_name == "w-2.example.org"


@on_loop
async def test_the_token_goes_to_no_server_of_another_authority() -> None:
    seen = []

    async def take(ctx: Context, request: pb.CertificateRequest) -> pb.CertificateResponse:
        seen.append(ctx.metadata)
        return pb.CertificateResponse()

    other = issue.authority(Authority(NOW, Algorithm.ED25519, "talos"))
    made = issue.server(Server(NOW, other, "cp-1", addresses=("127.0.0.1",)))
    call = unary(take, pb.CertificateRequest, pb.CertificateResponse)
    server = RpcServer([Service("securityapi.SecurityService", {"Certificate": call})])
    with socket.create_server(("127.0.0.1", 0)) as door:
        await server.serve(door, ServerTLS(made.crt, made.key))
        root = OSRoot(accepted_cas=(Certificate(crt=SECRETS.certs.os.crt),), token=SECRETS.trustd.token)
        asked = Asked(SECRETS.certs.os.crt, "", ("10.0.0.5",))
        with pytest.raises(RpcError, match="certificate"):
            await join(work, ["127.0.0.1"], root, asked, port=door.getsockname()[1])
        await server.drain(0)
    assert not seen


def _address(worker: Worker, *addresses: str) -> None:
    worker.put("accumulative", NodeAddress(addresses=tuple(f"{address}/24" for address in addresses)))


def _key(worker: Worker) -> bytes:
    return worker.store.get(API).spec.server.key


@on_loop
async def test_who_boots_again_asks_nobody(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    async with control_plane(tmp_path) as (_, port):
        first = Worker(port, folder=state)
        async with first.running():
            await first.until(first.certificate)
    assert (state / FILE).stat().st_mode & 0o777 == 0o600
    again = Worker(port, folder=state)  # nobody is there to be asked
    _address(again)  # and it does not know yet where it is
    async with again.running():
        await again.until(again.certificate)
        assert again.certificate() == first.certificate()
        _address(again, "10.0.0.5")
        await asyncio.sleep(0)
        assert _key(again) == _key(first)


@on_loop
async def test_what_is_not_enough_any_more_is_asked_for_with_the_same_key(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    async with control_plane(tmp_path) as (plane, port):
        first = Worker(port, folder=state)
        async with first.running():
            await first.until(first.certificate)
            alone = first.certificate()
            _address(first, "10.0.0.5", "10.0.0.6")
            await first.until(lambda: first.certificate() != alone)
            key = _key(first)
        moved = Worker(port, folder=state)
        _address(moved, "10.0.0.7")
        async with moved.running():
            await moved.until(moved.certificate)
            await moved.until(lambda: moved.certificate() != first.certificate())
            assert _key(moved) == key
            ((*claimed,),) = plane.holders.claimed("x").values()
            assert {"10.0.0.5", "10.0.0.6", "10.0.0.7"} <= {*claimed}  # all its certificates are good still


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"asked": {}}', bytes(1 << 17)])
@on_loop
async def test_a_file_that_says_nothing_is_passed_over(tmp_path: Path, broken: bytes) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE).write_bytes(broken)
    async with control_plane(tmp_path) as (_, port):
        worker = Worker(port, folder=state)
        async with worker.running():
            await worker.until(worker.certificate)
    assert (state / FILE).read_bytes() != broken


@on_loop
async def test_nobody_is_asked_before_state_was_looked_at(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (_, port):
        worker = Worker(port)
        worker.put("STATE", VolumeStatus(phase=VolumePhase.WAITING))
        async with worker.running():
            await worker.until(lambda: worker.store.find(OSRoot.at("os")))
            assert not worker.certificate()
            worker.put("STATE", VolumeStatus(phase=VolumePhase.FAILED))
            await worker.until(worker.certificate)


@on_loop
async def test_what_was_signed_before_state_came_is_kept_there(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    async with control_plane(tmp_path) as (_, port):
        worker = Worker(port, folder=state, mounted=False)
        async with worker.running():
            await worker.until(worker.certificate)
            worker.put("STATE", MountStatus(source="", target=str(state)))
            _address(worker, "10.0.0.5")
            while not (state / FILE).exists():  # noqa: ASYNC110  # a file has no event
                await asyncio.sleep(0.001)
