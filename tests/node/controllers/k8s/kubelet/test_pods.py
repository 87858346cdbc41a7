"""What the kubelet says of its pods, asked over TLS of a server in its place; and pods that end before their node."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import Any

from core.node.containers.pods import SOURCE, Pod, Pods
from core.node.controllers.k8s.kubelet.lifecycle import LIFECYCLE, PodsEnd
from core.node.controllers.k8s.kubelet.staticpods import StaticPodStatuses
from core.node.resources.k8s import KubeletLifecycle, StaticPodStatus
from core.node.resources.secrets import KubernetesDynamicCerts
from core.node.resources.services import Service
from core.node.resources.values import CertificateAndKey
from core.pki import jobs
from core.pki.types import Algorithm, Authority, Client, Issued, Pair, Server
from core.rpc.context import Context
from core.rpc.plain import Body
from core.rpc.server import Server as Listening
from core.rpc.tls import ServerTLS
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle

RUNS = Service(running=True, healthy=True, unknown=False)


def issued(job: Authority | Client | Server) -> Issued:
    made = jobs.run(job)
    assert isinstance(made, Issued)
    return made


def pod(name: str, source: str, ready: bool) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    metadata = {"namespace": "kube-system", "name": name, "annotations": {SOURCE: source}}
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": conditions}}


class Kubelet:
    """Answers /pods to whom the authority has signed."""

    def __init__(self) -> None:
        made = issued(Authority(time(), Algorithm.P256, "kubernetes"))
        authority = Pair(made.crt, made.key)
        self._tls = issued(Server(time(), authority, "node-1", ("node-1",), ("127.0.0.1",)))
        client = issued(Client(time(), authority, ("system:masters",), "apiserver-kubelet-client"))
        pair = CertificateAndKey(crt=client.crt, key=client.key)
        self.certificates = KubernetesDynamicCerts(api_server=pair, api_server_kubelet_client=pair, front_proxy=pair)
        self.pods = [pod("kube-apiserver-node-1", "http", True), pod("web-1", "api", True)]
        self._authority = made.crt

    async def _page(self, ctx: Context) -> Body:
        assert ctx.peer.certificate
        return Body("application/json", json.dumps({"kind": "PodList", "items": self.pods}).encode())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = Listening((), pages={"/pods": self._page})
            await server.serve(listener, ServerTLS(self._tls.crt, self._tls.key, self._authority))
            try:
                yield f"127.0.0.1:{listener.getsockname()[1]}"
            finally:
                await server.drain(0)


@on_loop
async def test_static_pods_are_told_of_and_those_that_were_scheduled_are_not() -> None:
    kubelet, clock = Kubelet(), FakeClock()
    async with kubelet.listening() as address:
        house = House(clock, [StaticPodStatuses(address)])
        async with house.running():
            house.put("k8s-dynamic-certs", kubelet.certificates)
            house.put("kubelet", RUNS)
            await house.until(lambda: house.all(StaticPodStatus))
            (name, status), *others = house.all(StaticPodStatus).items()
            assert (name, status.ready, others) == ("kube-system/kube-apiserver-node-1", True, [])
            kubelet.pods[0] = pod("kube-apiserver-node-1", "http", False)
            await clock.advance(15.0)
            await house.until(lambda: not house.all(StaticPodStatus)[name].ready)
            kubelet.pods.clear()
            await clock.advance(2.0)
            await house.until(lambda: not house.all(StaticPodStatus))
            house.put("kubelet", Service())
            await settle()
            assert house.all(StaticPodStatus) == {}


class Ended(Pods):
    """Notes what it is asked to do."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(None)  # type: ignore[arg-type] # nobody is called
        object.__setattr__(self, "said", said)

    async def stop_all(self, seconds: int, critical: int) -> None:
        said: list[str] = self.said  # type: ignore[attr-defined]
        said.append(f"pods {seconds} {critical}")


@on_loop
async def test_pods_end_after_the_kubelet_and_before_the_rest() -> None:
    said: list[str] = []

    async def stop() -> None:
        said.append("kubelet")

    house = House(FakeClock(), [PodsEnd(Ended(said), stop)])
    async with house.running():
        house.put("kubelet", KubeletLifecycle())
        house.put("cri", RUNS)
        await settle()
        assert said == []
        house.store.teardown(LIFECYCLE)
        await settle()
        assert said == ["kubelet", "pods 30 10"]
        assert house.store.get(LIFECYCLE).md.finalizers == ()


@on_loop
async def test_where_no_pod_can_be_nobody_waits_for_one() -> None:
    said: list[str] = []

    async def stop() -> None:
        said.append("kubelet")

    house = House(FakeClock(), [PodsEnd(Ended(said), stop)])
    async with house.running():
        house.put("kubelet", KubeletLifecycle())
        await settle()
        assert house.store.teardown(LIFECYCLE)
        assert said == []


def test_what_others_lean_on_ends_last() -> None:
    assert not Pod("1", "default", "web", {SOURCE: "api"}).critical
    assert Pod("1", "default", "web", {SOURCE: "http"}).critical
    assert Pod("1", "kube-system", "kube-proxy-x", {SOURCE: "api"}).critical
