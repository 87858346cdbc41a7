"""Certificates of etcd and Kubernetes, as openssl and a client of Kubernetes see them: from the config's authorities,
the same after a restart of machined, renewed with their keys."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from core.base.errors import NotFound
from core.cluster.kubernetes import kubeconfig
from core.config.load import load
from core.config.merge import merge
from core.node.controllers import secrets
from core.node.resources.config import MachineConfig
from core.node.resources.network import HostnameStatus, NodeAddress
from core.node.resources.secrets import (
    CertSAN,
    Etcd,
    EtcdRoot,
    Kubelet,
    Kubernetes,
    KubernetesDynamicCerts,
    KubernetesRoot,
)
from core.node.resources.values import CertificateAndKey
from core.pki import der, issue, pem
from core.pki.types import Algorithm, Authority
from tests.node.controllers.house import House
from tests.node.controllers.secrets.cluster import CONFIG, WORKER, work
from tests.support.clock import FakeClock, on_loop, settle
from tests.support.fdtable import FdTable

DAY = 86400.0
ETCD = Etcd.at("etcd")
DYNAMIC = KubernetesDynamicCerts.at("k8s-dynamic-certs")


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


class Node(House):
    """The domain, with a name and an address."""

    def __init__(self, table: FdTable, config: bytes = CONFIG, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        super().__init__(self.clock, secrets.cluster(table, work))
        self.put("v1alpha1", MachineConfig(yaml_marshalled=config))
        self.put("accumulative-no-k8s", NodeAddress(addresses=("10.0.0.2/24",)))
        self.put("hostname", HostnameStatus(hostname="node-1", domainname="example.org"))

    @property
    def etcd(self) -> Etcd:
        return self.store.get(ETCD).spec

    @property
    def dynamic(self) -> KubernetesDynamicCerts:
        return self.store.get(DYNAMIC).spec

    @property
    def root(self) -> KubernetesRoot:
        return self.store.get(KubernetesRoot.at("k8s")).spec


def text(certificate: bytes) -> str:
    """What openssl prints of it."""
    command = [
        "openssl",
        "x509",
        "-noout",
        "-subject",
        "-nameopt",
        "RFC2253",
        "-ext",
        "extendedKeyUsage,subjectAltName",
    ]
    return subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode()


def verified(pair: CertificateAndKey, authority: bytes, purpose: str, folder: Path) -> bool:
    """Whether openssl believes it for that, and its key belongs to it."""
    (folder / "ca").write_bytes(authority)
    (folder / "crt").write_bytes(pair.crt)
    command = [
        "openssl",
        "verify",
        "-attime",
        "1700000100",
        "-purpose",
        purpose,
        "-CAfile",
        "ca",
        "crt",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    keys = [
        subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout
        for args, data in (
            (["x509", "-noout", "-pubkey"], pair.crt),
            (["pkey", "-pubout"], pem.for_openssl(pair.key)),
        )
    ]
    return done.returncode == 0 and keys[0] == keys[1]


def years(certificate: bytes) -> int:
    facts = der.read(pem.certificates(certificate)[0])
    return round((facts.not_after - facts.not_before) / 365 / DAY)


@on_loop
async def test_etcd_serves_and_asks_its_peers_by_one_kind_and_is_asked_by_clients(
    table: FdTable, tmp_path: Path
) -> None:
    node = Node(table)
    async with node.running():
        await settle()
        authority = node.store.get(EtcdRoot.at("etcd")).spec.etcd_ca.crt
        for pair in (node.etcd.etcd, node.etcd.etcd_peer):
            assert verified(pair, authority, "sslserver", tmp_path)
            assert verified(pair, authority, "sslclient", tmp_path)
            assert years(pair.crt) == 10
        assert "subject=CN=node-1\n" in text(node.etcd.etcd.crt)
        names = "DNS:node-1, DNS:node-1.example.org"
        assert f"{names}, DNS:localhost, IP Address:10.0.0.2, IP Address:127.0.0.1, IP" in text(node.etcd.etcd.crt)
        assert f"{names}, IP Address:10.0.0.2\n" in text(node.etcd.etcd_peer.crt)
        for client, name in ((node.etcd.etcd_admin, "talos"), (node.etcd.etcd_api_server, "kube-apiserver")):
            assert verified(client, authority, "sslclient", tmp_path)
            assert not verified(client, authority, "sslserver", tmp_path)
            assert f"subject=CN={name}\n" in text(client.crt)


@on_loop
async def test_an_api_server_is_known_by_every_name(table: FdTable, tmp_path: Path) -> None:
    node = Node(table)
    async with node.running():
        await settle()
        certs, root = node.dynamic, node.root
        assert verified(certs.api_server, root.issuing_ca.crt, "sslserver", tmp_path)
        assert not verified(certs.api_server, root.issuing_ca.crt, "sslclient", tmp_path)
        assert pem.certificates(certs.api_server.crt)[1:] == pem.certificates(root.issuing_ca.crt)
        shown = text(certs.api_server.crt)
        assert "subject=CN=kube-apiserver,O=kube-master\n" in shown
        service = "kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc"
        assert f"DNS:{service}, DNS:kubernetes.default.svc.cluster.local, DNS:node-1, DNS:node-1.example.org," in shown
        assert "DNS:localhost, IP Address:10.0.0.2, IP Address:10.96.0.1, IP Address:127.0.0.1\n" in shown
        assert years(certs.api_server.crt) == 1
        kubelets = certs.api_server_kubelet_client
        assert verified(kubelets, root.issuing_ca.crt, "sslclient", tmp_path)
        assert "subject=CN=apiserver-kubelet-client,O=system:masters\n" in text(kubelets.crt)
        assert verified(certs.front_proxy, root.aggregator_ca.crt, "sslclient", tmp_path)
        assert "subject=CN=front-proxy-client\n" in text(certs.front_proxy.crt)


@on_loop
async def test_kubeconfigs_say_whom_to_ask_and_who_asks(table: FdTable, tmp_path: Path) -> None:
    node = Node(table)
    async with node.running():
        await settle()
        made = node.store.get(Kubernetes.at("k8s-certs")).spec
        for config, subject, server in (
            (made.scheduler_kubeconfig, "CN=system:kube-scheduler,O=system:kube-scheduler", "localhost"),
            (
                made.controller_manager_kubeconfig,
                "CN=system:kube-controller-manager,O=system:kube-controller-manager",
                "localhost",
            ),
            (made.localhost_admin_kubeconfig, "CN=talos:admin,O=system:masters", "localhost"),
            (made.admin_kubeconfig, "CN=talos:admin,O=system:masters", "10.0.0.2"),
        ):
            kubeconfig.connect(config.encode())
            whole = yaml.safe_load(config)
            assert whole["clusters"][0]["cluster"]["server"] == f"https://{server}:6443"
            user = whole["users"][0]["user"]
            pair = CertificateAndKey(
                crt=base64.b64decode(user["client-certificate-data"]), key=base64.b64decode(user["client-key-data"])
            )
            assert verified(pair, node.root.issuing_ca.crt, "sslclient", tmp_path)
            assert f"subject={subject}\n" in text(pair.crt)


@on_loop
async def test_the_next_machined_has_the_same(table: FdTable) -> None:
    first = Node(table)
    async with first.running():
        await settle()
        before = first.etcd, first.dynamic, first.store.get(Kubernetes.at("k8s-certs")).spec
    second = Node(table)
    async with second.running():
        await settle()
        assert (second.etcd, second.dynamic, second.store.get(Kubernetes.at("k8s-certs")).spec) == before


@on_loop
async def test_addresses_that_come_are_added_under_the_same_key_and_those_that_go_stay(table: FdTable) -> None:
    node = Node(table)
    async with node.running():
        await settle()
        first = node.etcd
        node.put("accumulative-no-k8s", NodeAddress(addresses=("10.0.0.2/24", "fd00::2/64")))
        await settle()
        second = node.etcd
        assert "FD00:0:0:0:0:0:0:2" in text(second.etcd_peer.crt)
        assert "FD00:0:0:0:0:0:0:2" in text(node.dynamic.api_server.crt)
        assert second.etcd_peer.key == first.etcd_peer.key
        assert second.etcd_admin == first.etcd_admin
        node.put("accumulative-no-k8s", NodeAddress(addresses=("fd00::2/64",)))
        await settle()
        assert node.etcd == second


@on_loop
async def test_renewed_at_half_life_under_the_same_key(table: FdTable) -> None:
    node = Node(table)
    async with node.running():
        await settle()
        first, etcd = node.dynamic, node.etcd
        await node.clock.advance(182 * DAY)
        assert node.dynamic == first
        await node.clock.advance(DAY)
        second = node.dynamic
        assert second.front_proxy.crt != first.front_proxy.crt
        assert second.front_proxy.key == first.front_proxy.key
        assert second.api_server.key == first.api_server.key
        assert node.etcd == etcd


@on_loop
async def test_another_authority_issues_by_its_own_kind_of_key_and_both_are_believed(
    table: FdTable, tmp_path: Path
) -> None:
    node = Node(table)
    other = issue.authority(Authority(1_700_000_000.0, Algorithm.ED25519, "kubernetes"))
    async with node.running():
        await settle()
        before = node.root
        pair = {"crt": _text(other.crt), "key": _text(other.key)}
        patch = {"cluster": {"ca": pair, "acceptedCAs": [{"crt": _text(before.issuing_ca.crt)}]}}
        changed = merge(load(CONFIG), json.dumps(patch).encode())
        node.put("v1alpha1", MachineConfig(yaml_marshalled=changed.text))
        await settle()
        assert [ca.crt for ca in node.root.accepted_cas] == [before.issuing_ca.crt, other.crt]
        assert verified(node.dynamic.api_server, other.crt, "sslserver", tmp_path)
        assert node.dynamic.api_server.key.startswith(b"-----BEGIN ED25519 PRIVATE KEY-----")
        believed = [ca.crt for ca in node.store.get(Kubelet.at("kubelet")).spec.accepted_cas]
        assert believed == [before.issuing_ca.crt, other.crt]
        admin = yaml.safe_load(node.store.get(Kubernetes.at("k8s-certs")).spec.admin_kubeconfig)
        told = base64.b64decode(admin["clusters"][0]["cluster"]["certificate-authority-data"])
        assert told == before.issuing_ca.crt + other.crt


@on_loop
async def test_a_worker_has_what_its_kubelet_needs_and_nothing_else(table: FdTable) -> None:
    node = Node(table, WORKER)
    async with node.running():
        await settle()
        kubelet = node.store.get(Kubelet.at("kubelet")).spec
        cluster = load(WORKER).v1alpha1.cluster
        assert f"{kubelet.bootstrap_token_id}.{kubelet.bootstrap_token_secret}" == cluster.token
        assert kubelet.endpoint == "https://127.0.0.1:7445"
        assert [ca.crt for ca in kubelet.accepted_cas] == [cluster.ca and cluster.ca.crt]
        for kind in (EtcdRoot, Etcd, KubernetesRoot, Kubernetes, KubernetesDynamicCerts, CertSAN):
            assert node.all(kind) == {}


@pytest.mark.parametrize(("config", "asked"), [(CONFIG, "localhost"), (WORKER, "10.0.0.2")])
@on_loop
async def test_without_a_balancer_a_kubelet_asks_what_is_next_to_it(table: FdTable, config: bytes, asked: str) -> None:
    patch = json.dumps({"machine": {"features": {"kubePrism": {"enabled": False}}}}).encode()
    node = Node(table, merge(load(config), patch).text)
    async with node.running():
        await settle()
        assert node.store.get(Kubelet.at("kubelet")).spec.endpoint == f"https://{asked}:6443"


@on_loop
async def test_without_a_token_there_is_no_cluster_for_a_kubelet(table: FdTable) -> None:
    node = Node(table, merge(load(CONFIG), b'[{"op": "remove", "path": "/cluster/token"}]').text)
    async with node.running():
        await settle()
        assert node.all(Kubelet) == {}


@on_loop
async def test_nothing_is_issued_before_the_node_knows_its_addresses(table: FdTable) -> None:
    node = Node(table)
    node.put("accumulative-no-k8s", NodeAddress())
    async with node.running():
        await settle()
        with pytest.raises(NotFound):
            _ = node.etcd
        assert node.store.find(DYNAMIC) is None
        assert node.all(Kubernetes)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
