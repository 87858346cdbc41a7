"""How a node leaves Kubernetes for a while: closed for new pods, and its own gone elsewhere, within a bound. A node
that was never in a cluster, or whose cluster does not answer, is not held up for long."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from core.base.errors import NotReady
from core.cluster.kubernetes import kubeconfig, kubelet
from core.cluster.kubernetes.draining import drain
from core.node.node import Node
from core.node.resources.config import MachineTypeSpec
from core.node.resources.k8s import KubeletKubeconfig, Nodename, NodeStatus
from core.node.resources.secrets import Kubernetes as Secrets
from core.node.waiting import until
from core.state import Pointer

CORDON_SECONDS: Final = 30.0
DRAIN_SECONDS: Final = 60.0
KNOWN_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("lifecycle")


async def cordon_and_drain(node: Node) -> None:
    """Until no pod is left that has to go. Raises NotReady when the cluster does not answer, or what is left stays."""
    await _drain(node, DRAIN_SECONDS)


async def drain_first(node: Node) -> None:
    """The same, for as long as was asked for; what nobody tells counts as pods that stay."""
    running = node.lifecycle.current
    if not await _drain(node, DRAIN_SECONDS if running is None else running.order.patience):
        raise NotReady("the cluster does not tell what runs on this node", remedy="reboot it without --drain")


def in_cluster(node: Node) -> bool:
    """Whether a kubelet has joined a cluster from here."""
    return node.store.find(KubeletKubeconfig.at("kubelet")) is not None


async def _drain(node: Node, seconds: float) -> bool:
    """Whether the node is drained: not where no cluster knows it, or says so. Raises NotReady."""
    await node.runtime.rested()
    known, config = await _known(node), _config(node)
    if known is None or not config:
        return False
    try:
        async with asyncio.timeout(CORDON_SECONDS):  # NodeApply closes it, because the machine goes down
            await until(node.store, known, lambda status: status.unschedulable)
        async with asyncio.timeout(seconds + CORDON_SECONDS), kubeconfig.connect(config) as kubernetes:
            left = await drain(kubernetes, known.id, seconds, node.clock)
    except TimeoutError:
        raise NotReady("the cluster did not take this node's pods in time") from None
    if left:
        raise NotReady(f"pods that stay until the end: {', '.join(left)}")
    _LOG.info("node %s is drained", known.id)
    return True


async def _known(node: Node) -> Pointer[NodeStatus] | None:
    """As what the cluster knows this node; None where no kubelet has joined it, or it does not say so. The next
    machined has to ask it anew."""
    name = node.store.find(Nodename.at("nodename"))
    if name is None or not in_cluster(node):
        return None
    pointer = NodeStatus.at(name.spec.nodename)
    try:
        async with asyncio.timeout(KNOWN_SECONDS):
            await until(node.store, pointer, lambda _: True)
    except TimeoutError:
        return None
    return pointer


def _config(node: Node) -> bytes:
    """By which the API server is asked: a control plane's own, or what the kubelet shows."""
    machine = node.store.find(MachineTypeSpec.at("machine-type"))
    if machine is None or not machine.spec.machine_type.control_plane:
        path = Path(kubelet.KUBECONFIG)
        return path.read_bytes() if path.exists() else b""
    secrets = node.store.find(Secrets.at("k8s-certs"))
    return b"" if secrets is None else secrets.spec.localhost_admin_kubeconfig.encode()
