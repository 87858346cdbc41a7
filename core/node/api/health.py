"""cluster.ClusterService: the health of what there is, as lines. A line says what is waited for and why, and again when
the reason changes; the call ends when all is well, or with DEADLINE_EXCEEDED after the time that was given."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final

from core.base.errors import Denied, NotReady, Unsupported
from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.client import Kubernetes
from core.node.api import clusterhealth
from core.node.api.clusterhealth import Expected, Skipped
from core.node.node import Node
from core.node.resources import secrets
from core.node.resources.config import MachineType, MachineTypeSpec
from core.node.resources.runtime import MachineStatus
from core.rpc.pb.cluster import cluster_pb2 as pb
from core.rpc.service import Service, server_stream
from core.rpc.status import Code, RpcError
from core.state import Store

ALONE: Final = "Kubernetes: this node is in none"
BOOTSTRAP: Final = "etcd waits for somebody to bootstrap the cluster"
AGAIN: Final = 0.5  # seconds between two looks
AGAIN_FAR: Final = 2.0  # where an API server is asked
Check = Callable[[Node], str]


def service(node: Node) -> Service:
    """cluster.ClusterService."""

    async def check(ctx: Any, request: pb.HealthCheckRequest) -> AsyncIterator[pb.HealthCheckProgress]:
        _only_control_plane(node.store)
        deadline = node.clock.monotonic() + request.wait_timeout.seconds + request.wait_timeout.nanos / 1e9
        for name, problem in CHECKS.items():
            async for line in _until(node, name, _at_once(problem, node), deadline, AGAIN):
                yield line
        api = _api(node.store)
        for missing in _unseen(node, api):
            yield pb.HealthCheckProgress(message=f"not looked at: {missing}")
        if api is None or not node.etcd.begun:
            return
        info = request.cluster_info
        expected = Expected(info.control_plane_nodes, info.worker_nodes)
        async with api:
            for name, look in clusterhealth.CHECKS.items():
                async for line in _until(node, name, partial(_asked, look, api, expected), deadline, AGAIN_FAR):
                    yield line

    return Service(
        "cluster.ClusterService", {"HealthCheck": server_stream(check, pb.HealthCheckRequest, pb.HealthCheckProgress)}
    )


async def _until(
    node: Node, name: str, problem: Callable[[], Awaitable[str]], deadline: float, again: float
) -> AsyncIterator[pb.HealthCheckProgress]:
    """A line for each thing that is wrong, until nothing is. Raises RpcError when the time is over."""
    said = None
    while said != "":
        try:
            now = await problem()
        except Skipped as why:
            yield pb.HealthCheckProgress(message=f"not looked at: {name}: {why}")
            return
        if now != said:
            yield pb.HealthCheckProgress(message=f"waiting for {name}: {now or 'OK'}")
            said = now
        if now and node.clock.monotonic() >= deadline:
            raise RpcError(Code.DEADLINE_EXCEEDED, f"waited for {name}: {now}")
        if now:
            await node.clock.sleep(again)


def _at_once(problem: Check, node: Node) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        return problem(node)

    return look


async def _asked(look: clusterhealth.Check, api: Kubernetes, expected: Expected) -> str:
    try:
        return await look(api, expected)
    except (NotReady, Denied) as error:
        return str(error)


def _api(store: Store) -> Kubernetes | None:
    """This node's own API server, if it is to have one."""
    made = store.find(secrets.Kubernetes.at("k8s-certs"))
    clustered = store.find(secrets.Kubelet.at("kubelet")) is not None
    return kubeconfig.connect(made.spec.localhost_admin_kubeconfig.encode()) if made is not None and clustered else None


def _unseen(node: Node, api: Kubernetes | None) -> Iterator[str]:
    if not node.etcd.begun:
        yield BOOTSTRAP
    if api is None:
        yield ALONE


def _only_control_plane(store: Store) -> None:
    kind = store.find(MachineTypeSpec.at("machine-type"))
    if kind is None or kind.spec.machine_type is MachineType.WORKER:
        raise Unsupported("health is checked by a control plane node")


def _services(node: Node) -> str:
    """Those that are not up, with what their check says."""
    down = [
        f"{id_} ({unit.record.health_message or unit.state.value})"
        for id_, unit in sorted(node.services.units.items())
        if not unit.up and unit.service.awaited and not unit.service.on_demand
    ]
    return ", ".join(down)


def _etcd(node: Node) -> str:
    unit = node.services.unit("etcd")
    return "" if unit.up or not node.etcd.begun else unit.record.health_message or unit.state.value


def _ready(node: Node) -> str:
    status = node.store.find(MachineStatus.at("machine"))
    if status is None:
        return "its status is not known"
    unmet = ", ".join(condition.name for condition in status.spec.status.unmet_conditions)
    return "" if status.spec.status.ready else unmet or str(status.spec.stage)


CHECKS: Final[dict[str, Check]] = {
    "all services to be up and healthy": _services,
    "etcd to be healthy": _etcd,
    "the node to be ready": _ready,
}
