"""The API's certificates: from the config's authority or a passing one, renewed at half-life and on every change."""

import base64
import json
import subprocess
from pathlib import Path

from core.base.errors import IchorError
from core.config.load import load
from core.config.merge import merge
from core.node.controllers.runtime import Maintenance
from core.node.controllers.secrets import APICertificates, CertSANs, MaintenanceAuthority, os_root
from core.node.resources.config import AcquireConfigStatus, MachineConfig, MachineType, MachineTypeSpec
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.runtime import APIServiceConfig
from core.node.resources.secrets import APICerts, MaintenanceRoot
from core.node.resources.time import TimeStatus
from core.node.resources.values import CertificateAndKey
from core.node.work import Work
from core.pki import der, issue, pem
from core.pki.types import Algorithm, Authority
from tests.node.controllers.house import House
from tests.node.controllers.secrets.cluster import CONFIG, work
from tests.support.clock import FakeClock, on_loop, settle

API = APICerts.at("api")


class BrokenWorker(IchorError):
    """A worker's death."""


class Node(House):
    """The domain, with a name and an address."""

    def __init__(self, work: Work = work) -> None:
        controllers = [os_root(), CertSANs(), MaintenanceAuthority(work), APICertificates(work), Maintenance()]
        self.clock = FakeClock()
        super().__init__(self.clock, controllers)
        self.put("accumulative", NodeAddress(addresses=("10.0.0.2/24",)))
        self.put("hostname", HostnameStatus(hostname="node-1", domainname="example.org"))

    @property
    def api(self) -> APICerts:
        return self.store.get(API).spec

    def client(self) -> CertificateAndKey | None:
        """What apid shows to other nodes."""
        return self.api.client


def _verified(certs: APICerts, authority: bytes, folder: Path, *arguments: str) -> str:
    """What OpenSSL says of the server certificate under an authority."""
    (folder / "ca.pem").write_bytes(authority)
    (folder / "crt.pem").write_bytes(certs.server.crt)
    command = ["openssl", "verify", "-attime", "1700000100", "-purpose", "sslserver", *arguments]
    command += ["-CAfile", str(folder / "ca.pem"), str(folder / "crt.pem")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@on_loop
async def test_no_config_means_strangers_are_served_by_a_passing_authority(tmp_path: Path) -> None:
    node = Node()
    async with node.running():
        await settle()
        assert node.store.find(API) is None
        node.put("config", AcquireConfigStatus())
        await settle()
        assert node.api.skip_verifying_client_cert
        root = node.store.get(MaintenanceRoot.at("maintenance")).spec.ca.crt
        assert "OK" in _verified(node.api, root, tmp_path, "-verify_ip", "10.0.0.2")


@on_loop
async def test_a_config_closes_the_door(tmp_path: Path) -> None:
    node = Node()
    async with node.running():
        node.put("config", AcquireConfigStatus())
        await settle()
        node.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))
        await settle()
        assert not node.api.skip_verifying_client_cert
        assert node.store.find(MaintenanceRoot.at("maintenance")) is None
        authority = node.api.accepted_cas[0].crt
        assert "OK" in _verified(node.api, authority, tmp_path, "-verify_hostname", "node-1.example.org")
        assert "OK" in _verified(node.api, authority, tmp_path, "-verify_ip", "127.0.0.1")
        assert "mismatch" in _verified(node.api, authority, tmp_path, "-verify_ip", "10.0.0.9")


@on_loop
async def test_the_issuing_authority_is_the_last_of_the_accepted_however_they_are_listed() -> None:
    """A worker goes by that: it asks anew when who issues changes, and not when somebody else is accepted."""
    node, config = Node(), load(CONFIG)
    machine = config.v1alpha1.machine
    assert machine.ca is not None
    other = issue.authority(Authority(1_700_000_000.0, Algorithm.ED25519, "talos")).crt
    listed = [{"crt": base64.b64encode(crt).decode()} for crt in (machine.ca.crt, other)]
    patched = merge(config, json.dumps({"machine": {"acceptedCAs": listed}}).encode())
    async with node.running():
        node.put("v1alpha1", MachineConfig(yaml_marshalled=patched.text))
        await settle()
        assert [accepted.crt for accepted in node.api.accepted_cas] == [other, machine.ca.crt]


@on_loop
async def test_renewed_at_half_life_and_when_an_address_comes() -> None:
    node = Node()
    async with node.running():
        node.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))
        await settle()
        first = node.api.server.crt
        await node.clock.advance(11 * 3600)
        assert node.api.server.crt == first
        await node.clock.advance(2 * 3600)
        second = node.api.server.crt
        assert second != first
        assert der.read(pem.certificates(second)[0]).not_after > der.read(pem.certificates(first)[0]).not_after
        node.put("accumulative", NodeAddress(addresses=("10.0.0.2/24", "10.0.0.3/24")))
        await settle()
        assert node.api.server.crt != second


@on_loop
async def test_issued_anew_when_the_clock_jumps_either_way() -> None:
    node = Node()
    async with node.running():
        node.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))
        await settle()
        for epoch, jump in enumerate((400 * 86400.0, -300 * 86400.0), 1):
            before = node.api.server.crt
            node.clock.step(jump)
            node.put("node", TimeStatus(synced=True, epoch=epoch))
            await settle()
            assert node.api.server.crt != before
            made = der.read(pem.certificates(node.api.server.crt)[0])
            assert made.not_before <= node.clock.now() < made.not_after


@on_loop
async def test_a_worker_that_dies_is_asked_again_and_nobody_is_served_meanwhile() -> None:
    broken = True

    async def dying(function: str, payload: bytes) -> bytes:
        if broken:
            raise BrokenWorker("the worker died")
        return await work(function, payload)

    node = Node(dying)
    async with node.running():
        node.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))
        await node.clock.advance(60)
        assert node.store.find(API) is None
        assert not node.store.get(APIServiceConfig.at("apid")).spec.readonly_role_mode
        broken = False
        await node.clock.advance(6)
        assert node.api.accepted_cas


def _subject(certificate: bytes) -> str:
    command = [
        "openssl",
        "x509",
        "-noout",
        "-subject",
        "-ext",
        "extendedKeyUsage,subjectAltName",
        "-nameopt",
        "RFC2253",
    ]
    return subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode()


@on_loop
async def test_a_control_plane_may_speak_for_others_and_renews_what_says_so() -> None:
    node = Node()
    async with node.running():
        node.put("v1alpha1", MachineConfig(yaml_marshalled=CONFIG))
        await settle()
        assert node.client() is None  # nothing has said yet what this machine is
        node.put("machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE))
        await settle()
        first = node.client()
        assert first is not None
        shown = _subject(first.crt)
        assert "CN=node-1.example.org,O=os:impersonator" in shown
        assert "TLS Web Client Authentication" in shown
        assert "Alternative" not in shown
        server = node.api.server
        await node.clock.advance(13 * 3600)
        assert node.client() not in (None, first)
        assert node.api.server != server
        second = node.client()
        node.put("hostname", HostnameStatus(hostname="node-2", domainname="example.org"))
        await settle()
        assert node.client() not in (None, second)
        node.put("machine-type", MachineTypeSpec(machine_type=MachineType.WORKER))
        await settle()
        assert node.client() is None


@on_loop
async def test_strangers_never_meet_a_client_certificate() -> None:
    node = Node()
    async with node.running():
        node.put("config", AcquireConfigStatus())
        node.put("machine-type", MachineTypeSpec(machine_type=MachineType.CONTROLPLANE))
        await settle()
        assert node.api.skip_verifying_client_cert
        assert node.client() is None
