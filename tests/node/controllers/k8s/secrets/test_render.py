"""Keys and certificates as files: who may read them, what they hold, and which change makes a program start anew."""

import base64
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from core.cluster.kubernetes import stamps
from core.config.load import load
from core.config.merge import merge
from core.node.controllers import etcd, secrets
from core.node.controllers.k8s.secrets import RenderSecrets, etcd_encryption
from core.node.controllers.k8s.secrets.render import OWNERS
from core.node.resources.config import MachineConfig
from core.node.resources.etcd import PKIStatus
from core.node.resources.k8s import SecretsStatus, labelled, trust
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import KubernetesRoot
from core.node.resources.values import Certificate
from core.pki import issue, pem
from core.pki.types import Algorithm, Authority, Pair
from tests.node.controllers.house import House
from tests.node.controllers.secrets.cluster import CONFIG, WORKER, work
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.fdtable import FdTable

DAY = 86400.0


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


class Node(House):
    """Everything from the config to the files."""

    def __init__(self, table: FdTable, folder: Path) -> None:
        self.clock, self.folder = FakeClock(), folder
        controllers = (
            *secrets.cluster(table, work),
            etcd_encryption(),
            RenderSecrets(work, folder / "kubernetes"),
            etcd.PKIFiles(folder / "etcd"),
        )
        super().__init__(self.clock, controllers)
        self.put("accumulative-no-k8s", NodeAddress(addresses=("10.0.0.2/24",)))
        self.put("hostname", HostnameStatus(hostname="node-1"))
        self.configure()

    def configure(self, config: bytes = CONFIG, **cluster: object) -> None:
        """Take this config, with changes to its cluster section."""
        text = merge(load(config), json.dumps({"cluster": cluster}).encode()).text if cluster else config
        self.put("v1alpha1", MachineConfig(yaml_marshalled=text))

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    @property
    def version(self) -> str:
        return self.store.get(SecretsStatus.at("static-pods")).spec.version

    @property
    def root(self) -> KubernetesRoot:
        return self.store.get(KubernetesRoot.at("k8s")).spec


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@on_loop
async def test_each_program_reads_its_own_and_no_other(table: FdTable, tmp_path: Path) -> None:
    node = Node(table, tmp_path)
    async with node.running():
        await settle()
        assert node.store.get(SecretsStatus.at("static-pods")).spec.ready
        assert node.store.get(PKIStatus.at("etcd")).spec.ready
        owners = {"etcd": 60, **{f"kubernetes/{program}": owner for program, owner in OWNERS.items()}}
        for name, owner in owners.items():
            for place, mode in ((tmp_path / name, 0o700), *((file, 0o400) for file in _files(tmp_path / name))):
                found = place.stat()
                assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (owner, owner, mode), place
        assert {f.name for f in _files(tmp_path / "etcd")} == {
            *("ca.crt", "server.crt", "server.key", "peer.crt", "peer.key")
        }


def _files(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if not entry.name.startswith("..")]


@on_loop
async def test_what_the_files_hold(table: FdTable, tmp_path: Path) -> None:
    node = Node(table, tmp_path)
    async with node.running():
        await settle()
        server, manager = "kubernetes/kube-apiserver", "kubernetes/kube-controller-manager"
        derived = openssl("pkey", "-pubout", data=node.read(f"{server}/service-account.key"))
        assert node.read(f"{server}/service-account.pub") == derived
        assert node.read(f"{manager}/service-account.key") == node.read(f"{server}/service-account.key")
        assert node.read(f"{manager}/ca.key") == node.root.issuing_ca.key
        for program in ("kube-controller-manager", "kube-scheduler"):
            config = yaml.safe_load(node.read(f"kubernetes/{program}/kubeconfig"))
            user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
            place = f"/system/secrets/kubernetes/{program}"
            assert user == {"client-certificate": f"{place}/client.crt", "client-key": f"{place}/client.key"}
            assert cluster == {
                "server": "https://localhost:6443",
                "certificate-authority": f"{place}/root-ca.crt",
            }
        encryption = yaml.safe_load(node.read(f"{server}/encryptionconfig.yaml"))
        secret = load(CONFIG).v1alpha1.cluster.secretbox_encryption_secret
        assert encryption["kind"] == "EncryptionConfiguration"
        assert encryption["resources"] == [
            {
                "resources": ["secrets"],
                "providers": [{"secretbox": {"keys": [{"name": "key2", "secret": secret}]}}, {"identity": {}}],
            }
        ]


@on_loop
async def test_a_renewal_changes_files_and_starts_nothing_anew(table: FdTable, tmp_path: Path) -> None:
    node = Node(table, tmp_path)
    async with node.running():
        await settle()
        version, etcd_version = node.version, node.store.get(PKIStatus.at("etcd")).spec.version
        before = node.read("kubernetes/kube-apiserver/apiserver.crt"), node.read("kubernetes/kube-scheduler/client.crt")
        await node.clock.advance(183 * DAY)
        node.put("accumulative-no-k8s", NodeAddress(addresses=("10.0.0.2/24", "10.0.0.3/24")))
        await settle()
        after = node.read("kubernetes/kube-apiserver/apiserver.crt"), node.read("kubernetes/kube-scheduler/client.crt")
        assert after[0] != before[0]
        assert after[1] != before[1]
        assert node.version == version
        assert node.store.get(PKIStatus.at("etcd")).spec.version == etcd_version
    again = Node(table, tmp_path)
    async with again.running():
        await settle()
        assert again.version == version


@on_loop
async def test_who_else_is_believed_is_told_to_all(table: FdTable, tmp_path: Path) -> None:
    node = Node(table, tmp_path)
    other = issue.authority(Authority(1_700_000_000.0, Algorithm.P256, "kubernetes"))
    async with node.running():
        await settle()
        version, own = node.version, node.root.issuing_ca.crt
        node.configure(acceptedCAs=[{"crt": _text(other.crt)}])
        await settle()
        both = b"".join(sorted((other.crt, own)))
        assert node.read("kubernetes/kube-apiserver/ca.crt") == both
        assert node.read("kubernetes/kube-controller-manager/root-ca.crt") == both
        assert node.read("kubernetes/kube-scheduler/root-ca.crt") == both
        assert node.read("kubernetes/kube-controller-manager/ca.crt") == own
        assert node.version != version


@on_loop
async def test_when_another_authority_issues_those_who_ask_the_api_server_start_anew_and_it_does_not(
    table: FdTable, tmp_path: Path
) -> None:
    node = Node(table, tmp_path)
    other = issue.authority(Authority(1_700_000_000.0, Algorithm.P256, "kubernetes", "other"))
    async with node.running():
        await settle()
        old = node.root.issuing_ca
        node.configure(acceptedCAs=[{"crt": _text(other.crt)}])
        await settle()
        before, believed = node.version, node.read("kubernetes/kube-scheduler/root-ca.crt")
        vouched = issue.vouched(other.crt, Pair(old.crt, old.key), 1_700_000_000.0)
        ca = {"crt": _text(other.crt + vouched), "key": _text(other.key)}
        node.configure(ca=ca, acceptedCAs=[{"crt": _text(old.crt)}])
        await settle()
        same = {program: stamps.of(node.version, program) == stamps.of(before, program) for program in OWNERS}
        assert same == {"kube-apiserver": True, "kube-controller-manager": False, "kube-scheduler": False}
        assert node.read("kubernetes/kube-scheduler/root-ca.crt") == believed
        assert node.read("kubernetes/kube-controller-manager/ca.crt") == other.crt
        served = node.read("kubernetes/kube-apiserver/apiserver.crt")
        assert served.endswith(vouched)
        assert other.crt not in served
        for root in (old.crt, other.crt):  # whoever knows one of them believes it
            _verified(tmp_path, served, root)
        assert issue.issued_by(node.read("kubernetes/kube-scheduler/client.crt"), other.crt)
        said = labelled(node.store.get(SecretsStatus.at("static-pods")))
        assert said == trust([Certificate(crt=old.crt), Certificate(crt=other.crt)], other.crt)


def _verified(folder: Path, chain: bytes, root: bytes) -> None:
    own, behind = pem.first(chain)
    for name, data in (("own", own), ("behind", behind), ("root", root)):
        (folder / name).write_bytes(data)
    when = str(1_700_000_000 + 60)
    files = ["-CAfile", str(folder / "root"), "-untrusted", str(folder / "behind"), str(folder / "own")]
    openssl("verify", "-attime", when, *files)


@pytest.mark.parametrize("algorithm", ["ec", "rsa"])
@on_loop
async def test_a_key_for_service_accounts_may_be_of_either_kind(table: FdTable, tmp_path: Path, algorithm: str) -> None:
    made = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "ec" else ["rsa"]
    key = openssl("genpkey", "-algorithm", *made)
    node = Node(table, tmp_path)
    async with node.running():
        node.configure(serviceAccount={"key": _text(key)})
        await settle()
        assert node.read("kubernetes/kube-apiserver/service-account.pub") == openssl("pkey", "-pubout", data=key)


@on_loop
async def test_an_older_key_for_secrets_is_still_read(table: FdTable, tmp_path: Path) -> None:
    node = Node(table, tmp_path)
    secret = _text(os.urandom(32))
    async with node.running():
        await settle()
        version = node.version
        node.configure(aescbcEncryptionSecret=secret)
        await settle()
        providers = yaml.safe_load(node.read("kubernetes/kube-apiserver/encryptionconfig.yaml"))["resources"][0][
            "providers"
        ]
        assert [next(iter(provider)) for provider in providers] == ["secretbox", "aescbc", "identity"]
        assert providers[1]["aescbc"]["keys"] == [{"name": "key1", "secret": secret}]
        assert node.version != version


@on_loop
async def test_a_machine_that_leaves_the_control_plane_keeps_none_of_it(table: FdTable, tmp_path: Path) -> None:
    node = Node(table, tmp_path)
    async with node.running():
        await settle()
        assert pem.certificates(node.read("etcd/ca.crt"))
        node.configure(WORKER)
        await settle()
        assert node.all(SecretsStatus) == {}
        assert node.all(PKIStatus) == {}
        assert [*tmp_path.glob("etcd/*"), *tmp_path.glob("kubernetes/*/*")] == []
