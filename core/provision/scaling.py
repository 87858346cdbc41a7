"""Changes how many nodes a cluster has. Owns who comes and who goes, and the order in which one goes: its pods, its
vote in etcd, the machine, its Node. Each step may be done again, and the record forgets a node last, so that a scaling
which was broken off is finished by asking for it once more."""

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from core.base.clock import SystemClock
from core.base.errors import Conflict, Invalid, NotFound
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.draining import drain
from core.cluster.kubernetes.kubeconfig import connect
from core.cluster.kubernetes.paths import NODES
from core.provision import model
from core.provision.cluster import provisioner
from core.provision.locking import exclusive
from core.provision.model import Cluster, Node
from core.provision.places import Places
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.tls import ClientTLS

Progress = Callable[[str], None]
DRAIN_SECONDS: Final = 60.0
LEAVE_SECONDS: Final = 120.0


def grown(cluster: Cluster, control_planes: int, workers: int) -> Cluster:
    """The cluster with as many of each kind, if it has fewer: new ones have the next number and the first free address.
    Raises Invalid."""
    if cluster.spec.kind != "container":
        raise Invalid("virtual machines have no network in common: none could join", remedy="use containers")
    nodes = list(cluster.nodes)
    for worker, count in ((False, control_planes), (True, workers)):
        while sum(node.worker == worker for node in nodes) < count:
            nodes.append(_next(cluster, nodes, worker))
    nodes.sort(key=lambda node: node.worker)  # stable: each kind in the order in which it came
    spec = replace(
        cluster.spec,
        control_planes=sum(not node.worker for node in nodes),
        workers=sum(node.worker for node in nodes),
    )
    return replace(cluster, spec=spec, nodes=tuple(nodes))


def leaving(cluster: Cluster, control_planes: int, workers: int) -> list[Node]:
    """Who has to go, the last that came first; never the first control plane, whose address is the cluster's."""
    kinds = ((False, max(1, control_planes)), (True, workers))
    return [node for worker, count in kinds for node in _of(cluster, worker)[count:][::-1]]


def grow(places: Places, wanted: Cluster, going: Sequence[Node], say: Progress) -> Cluster:
    """Record the cluster and start what of it does not run, but for those who go; new nodes are in maintenance mode.
    The cluster of those that stay."""
    with exclusive(places):
        model.save(places, wanted)
        machines = provisioner(places, wanted)
        machines.prepare()
        staying = tuple(node for node in wanted.nodes if node not in going)
        for node in staying:
            if not machines.running(node):
                say(f"starting {node.name}")
                machines.start(node)
    return replace(wanted, nodes=staying)


def part(
    places: Places, cluster: Cluster, node: Node, tls: ClientTLS, kubeconfig: Path | None, say: Progress
) -> Cluster:
    """Take a node out of its cluster and of this machine; the cluster without it. `kubeconfig`: an administrator's, if
    there is a Kubernetes. Raises Conflict when etcd would lose its majority; then all is as it was, but for pods."""
    machines = provisioner(places, cluster)
    asyncio.run(_leave(cluster, node, tls, kubeconfig, machines.running(node), say))
    say(f"stopping {node.name}")
    machines.stop(node)
    if kubeconfig is not None:
        asyncio.run(_forget(kubeconfig, node.name))
    nodes = tuple(each for each in cluster.nodes if each != node)
    counts = {"workers" if node.worker else "control_planes": len([n for n in nodes if n.worker == node.worker])}
    left = replace(cluster, spec=replace(cluster.spec, **counts), nodes=nodes)
    with exclusive(places):
        machines.remove(node)
        model.save(places, left)
    return left


def _of(cluster: Cluster, worker: bool) -> list[Node]:
    return [node for node in cluster.nodes if node.worker == worker]


def _next(cluster: Cluster, nodes: list[Node], worker: bool) -> Node:
    prefix = f"{cluster.spec.name}-{'worker' if worker else 'controlplane'}-"
    numbers = [int(node.name.removeprefix(prefix)) for node in nodes if node.worker == worker]
    taken = {cluster.gateway, *(node.address for node in nodes)}
    address = next(str(host) for host in ip_network(cluster.subnet).hosts() if str(host) not in taken)
    return Node(f"{prefix}{max(numbers, default=0) + 1}", address, worker=worker)


async def _leave(
    cluster: Cluster, node: Node, tls: ClientTLS, kubeconfig: Path | None, running: bool, say: Progress
) -> None:
    if kubeconfig is None:
        return
    async with connect(kubeconfig.read_bytes()) as kubernetes:
        await _emptied(kubernetes, node.name, say)
    if not node.worker:
        first = cluster.nodes[0]
        async with (
            Channel(f"{first.address}:{first.port}", tls) as staying,
            Channel(f"{node.address}:{node.port}", tls) as going,
        ):
            await _voteless(staying, going if running else None, node.name, say)


async def _emptied(kubernetes: Kubernetes, name: str, say: Progress) -> None:
    """Closed for pods, and those gone that can be elsewhere."""
    try:
        await kubernetes.patch(NODES, name, {"spec": {"unschedulable": True}})
    except NotFound:
        return  # it never came, or was forgotten already
    say(f"{name}: its pods go elsewhere")
    left = await drain(kubernetes, name, DRAIN_SECONDS, SystemClock())
    if left:
        say(f"{name}: these end with it: {', '.join(left)}")


async def _voteless(staying: Channel, going: Channel | None, name: str, say: Progress) -> None:
    """No member of etcd any more, by its own doing if it can."""
    path = "/machine.MachineService/"
    listed = await staying.unary(
        f"{path}EtcdMemberList", pb.EtcdMemberListRequest(), pb.EtcdMemberListResponse, timeout=30
    )
    member = next((each for each in listed.messages[0].members if each.hostname == name), None)
    if member is None:
        return
    if len(listed.messages[0].members) == 1:
        raise Conflict(f"{name} is the last member of etcd", remedy="destroy the cluster")
    say(f"{name}: leaves etcd")
    if going is not None:
        request = pb.EtcdLeaveClusterRequest()
        await going.unary(f"{path}EtcdLeaveCluster", request, pb.EtcdLeaveClusterResponse, timeout=LEAVE_SECONDS)
    else:
        gone = pb.EtcdRemoveMemberByIDRequest(member_id=member.id)
        await staying.unary(f"{path}EtcdRemoveMemberByID", gone, pb.EtcdRemoveMemberByIDResponse, timeout=30)


async def _forget(kubeconfig: Path, name: str) -> None:
    async with connect(kubeconfig.read_bytes()) as kubernetes:
        try:
            await kubernetes.delete(NODES, name)
        except NotFound:
            return
