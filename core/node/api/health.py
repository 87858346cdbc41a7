"""cluster.ClusterService: the health of what there is, as lines. A line says what is waited for and why, and again when
the reason changes; the call ends when all is well, or with DEADLINE_EXCEEDED after the time that was given."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from core.base.errors import Unsupported
from core.node.api.later import KUBERNETES
from core.node.node import Node
from core.node.resources.config import MachineType, MachineTypeSpec
from core.node.resources.runtime import MachineStatus
from core.rpc.pb.cluster import cluster_pb2 as pb
from core.rpc.service import Service, server_stream
from core.rpc.status import Code, RpcError
from core.state import Store

BOOTSTRAP: Final = "etcd waits for somebody to bootstrap the cluster"
AGAIN: Final = 0.5  # seconds between two looks
Check = Callable[[Node], str]


def service(node: Node) -> Service:
    """cluster.ClusterService."""

    async def check(ctx: Any, request: pb.HealthCheckRequest) -> AsyncIterator[pb.HealthCheckProgress]:
        _only_control_plane(node.store)
        deadline = node.clock.monotonic() + request.wait_timeout.seconds + request.wait_timeout.nanos / 1e9
        for name, problem in CHECKS.items():
            said = None
            while said != "":
                now = problem(node)
                if now != said:
                    yield pb.HealthCheckProgress(message=f"waiting for {name}: {now or 'OK'}")
                    said = now
                if now and node.clock.monotonic() >= deadline:
                    raise RpcError(Code.DEADLINE_EXCEEDED, f"waited for {name}: {now}")
                if now:
                    await node.clock.sleep(AGAIN)
        idle = () if node.etcd.begun else (BOOTSTRAP,)
        for missing in (*idle, KUBERNETES):
            yield pb.HealthCheckProgress(message=f"not looked at: {missing}")

    return Service(
        "cluster.ClusterService", {"HealthCheck": server_stream(check, pb.HealthCheckRequest, pb.HealthCheckProgress)}
    )


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
