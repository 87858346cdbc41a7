"""A kubelet's certificate when another authority issues: signed on a control plane, asked of a real apiserver by any
other node; and that a kubelet is started with it once, whenever machined dies."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

from core.base.clock import SystemClock
from core.cluster.kubernetes import kubelet as paths
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.follow import follow
from core.cluster.kubernetes.manifests.joining import NODES
from core.cluster.kubernetes.paths import REQUESTS, Object
from core.config.load import load
from core.config.merge import merge
from core.node.controllers.k8s.kubelet.renewal import Renewal
from core.node.controllers.k8s.kubelet.service import KubeletService
from core.node.controllers.secrets.kubernetes import kubelet as kubelet_secrets
from core.node.controllers.secrets.kubernetes import kubernetes_root
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import KubeletSpec, ProgramTrust, trust
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.services import Service
from core.node.services import kubeletfiles, kubeletnext
from core.node.services.kubelet import Kubelet
from core.node.services.kubeletfiles import Places
from core.pki import issue, lineage, pem, requests
from core.pki.types import Algorithm, Authority, Client, Pair
from tests.node.controllers.house import House
from tests.node.controllers.secrets.cluster import CONFIG, WORKER, work
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

RUNS = Service(running=True, healthy=True, unknown=False)
SPEC = KubeletSpec(image="example.test/kubelet:v1.20.2", expected_nodename="node-1")


def authority(name: str) -> Pair:
    return issue.authority(Authority(time(), Algorithm.P256, "kubernetes", name))


class Node(House):
    """Its kubelet runs with a certificate of `old`; `starts` counts how often it was started after."""

    def __init__(self, folder: Path, config: bytes, old: Pair) -> None:
        controllers = [kubelet_secrets(), kubernetes_root()]
        super().__init__(SystemClock(), controllers)
        self.places, self.config, self.starts = Places(folder, None), config, 0
        self.kubelet = Kubelet(self.store, work, SystemClock(), self.places)
        for controller in (Renewal(self.kubelet, work), KubeletService(self.kubelet, lambda: None, self._start)):
            self._runtime.register(controller)
        (folder / "run/ichor").mkdir(parents=True)
        self.keys.mkdir(parents=True)
        shown = issue.client(Client(time(), old, (NODES,), "system:node:node-1"))
        (self.keys / kubeletnext.CURRENT).write_bytes(shown.crt + shown.key)
        (self.keys / "kubelet-server-current.pem").touch()
        self.configure(old)
        self.put("kubelet", SPEC)

    @property
    def keys(self) -> Path:
        return self.places.at(paths.PKI)

    @property
    def shown(self) -> bytes:
        return (self.keys / kubeletnext.CURRENT).read_bytes()

    @property
    def trust(self) -> ProgramTrust | None:
        return self.one(ProgramTrust, "kubelet")

    def configure(self, ca: Pair, *others: bytes) -> None:
        """Who issues, and who is believed besides."""
        leads = load(self.config).is_control_plane
        own = {"crt": _text(ca.crt), "key": _text(ca.key)} if leads else {"crt": _text(ca.crt)}
        cluster = {"ca": own, "acceptedCAs": [{"crt": _text(crt)} for crt in others]}
        text = merge(load(self.config), json.dumps({"cluster": cluster}).encode()).text
        self.put("v1alpha1", MachineConfig(yaml_marshalled=text))

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """With the kubelet it has."""
        async with self.running():
            await self.until(lambda: self.one(Secrets, "kubelet"))
            await self.kubelet.plan()
            self.put("kubelet", RUNS)
            yield

    async def _start(self) -> None:
        self.put("kubelet", Service())
        await self.kubelet.plan()
        self.starts += 1
        self.put("kubelet", RUNS)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@on_loop
async def test_a_control_plane_signs_for_its_kubelet_which_starts_with_it_once(tmp_path: Path) -> None:
    old, new = authority("old"), authority("new")
    node = Node(tmp_path, CONFIG, old)
    async with node.run():
        await node.until(lambda: node.trust == trust(node.store.get(Secrets.at("kubelet")).spec.accepted_cas, old.crt))
        node.configure(old, new.crt)
        await node.until(lambda: node.starts == 1 and node.trust and len(node.trust.authorities) == 2)
        before = node.shown
        node.configure(new, old.crt)
        await node.until(lambda: node.trust and node.trust.issuer == lineage.identity(new.crt))
        assert node.starts == 2
        assert issue.issued_by(node.shown, new.crt)
        assert kubeletfiles.client_name(node.places) == "node-1"
        key = next(der for label, der in pem.decode(node.shown) if label.endswith("KEY"))
        assert pem.encode("X", key) not in before.replace(b"EC PRIVATE KEY", b"X")
        assert not (node.keys / "kubelet-server-current.pem").exists()  # it asks for another
        node.configure(new)
        await node.until(lambda: node.starts == 3 and node.trust == trust(_believed(node), new.crt))
        assert _believed(node) == _believed(node)[:1]
        assert issue.issued_by(node.shown, new.crt)


def _believed(node: Node) -> Any:
    return node.store.get(Secrets.at("kubelet")).spec.accepted_cas


@on_loop
async def test_one_that_was_staged_by_a_machined_that_died_is_started_with(tmp_path: Path) -> None:
    old, new = authority("old"), authority("new")
    node = Node(tmp_path, CONFIG, old)
    node.configure(new, old.crt)
    async with node.running():
        await node.until(lambda: node.one(Secrets, "kubelet"))
        await node.kubelet.plan()
        made = issue.client(Client(time(), new, (NODES,), "system:node:node-1"))
        kubeletnext.stage(node.keys, made.crt, made.key)
        node.put("kubelet", RUNS)
        await node.until(lambda: node.trust and node.trust.issuer == lineage.identity(new.crt))
        assert (node.starts, node.shown.startswith(made.crt)) == (1, True)


@on_loop
async def test_a_certificate_of_a_foreign_authority_is_let_be(tmp_path: Path) -> None:
    """Some have their kubelets signed for by others than the config's authority."""
    own = authority("own")
    node = Node(tmp_path, CONFIG, authority("foreign"))
    node.configure(own)
    async with node.run():
        await node.until(lambda: node.trust == ProgramTrust(authorities=(lineage.identity(own.crt),)))
        assert node.starts == 0


@on_loop
async def test_another_node_asks_the_apiserver_until_the_new_authority_signs(
    apiserver: ApiServer, tmp_path: Path
) -> None:
    old, new = apiserver.authority, authority("new")
    node = Node(tmp_path, WORKER, old)
    file = node.places.at(paths.KUBECONFIG)
    async with node.run(), apiserver.client() as admin:
        file.write_bytes(apiserver.kubeconfig("system:node:node-1", (NODES,)))
        node.configure(old, new.crt)
        await node.until(lambda: node.starts == 1)
        file.write_bytes(apiserver.kubeconfig("system:node:node-1", (NODES,)))
        node.configure(new, old.crt)
        for signer in (old, new):
            await _sign(admin, signer)
        await node.until(lambda: node.trust and node.trust.issuer == lineage.identity(new.crt))
        assert node.starts == 2
        assert issue.issued_by(node.shown, new.crt)


async def _sign(admin: Kubernetes, authority: Pair) -> None:
    """Approve and sign the first request that is open, as control planes and the controller manager do."""
    states = follow(admin, REQUESTS)
    try:
        async for state in states:
            for found in state.values():
                if found["metadata"].get("generateName") == "ichor-kubelet-" and not found.get("status"):
                    await _answer(admin, found, authority)
                    return
    finally:
        await states.aclose()


async def _answer(admin: Kubernetes, found: Object, authority: Pair) -> None:
    assert found["spec"]["username"] == "system:node:node-1"
    approved = {"type": "Approved", "status": "True", "reason": "test"}
    found = await admin.replace(REQUESTS, {**found, "status": {"conditions": [approved]}}, "approval")
    issued = requests.endorse(base64.b64decode(found["spec"]["request"]), authority, time(), 3600)
    await admin.replace(REQUESTS, {**found, "status": {**found["status"], "certificate": _text(issued.crt)}}, "status")
