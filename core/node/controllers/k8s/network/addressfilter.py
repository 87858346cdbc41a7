"""MachineConfig, NodeStatus -> NodeAddressFilter: which addresses are the node's own, and which Kubernetes gave it for
its pods and services. A bridge's address is nobody's way to a node."""

from typing import Final

from core.cluster.kubernetes import subnets
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Nodename, NodeStatus
from core.node.resources.network import NodeAddressFilter
from core.state import Controller, Scope, exclusive, weak

WITHOUT: Final = "no-k8s"
ONLY: Final = "only-k8s"
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_NODENAME: Final = Nodename.at("nodename")


class AddressFilter(Controller):
    """Ids `no-k8s` and `only-k8s`, while there is a config. The ranges are the config's, and those that the node's own
    pods were given, should they lie elsewhere."""

    name = "k8s.AddressFilterController"
    inputs = (weak(_CONFIG), weak(_NODENAME), weak(NodeStatus))
    outputs = (exclusive(NodeAddressFilter),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        if config is None:
            scope.sync(NodeAddressFilter.all(), {})
            return
        network = machineconfig.of(config).v1alpha1.cluster.network
        ranges = [str(subnet) for subnet in (*subnets.pods(network), *subnets.services(network))]
        name = scope.find(_NODENAME)
        status = None if name is None else scope.find(NodeStatus.at(name.spec.nodename))
        given = () if status is None else status.spec.pod_cidrs
        found = tuple(dict.fromkeys((*ranges, *given)))
        filters = {
            WITHOUT: NodeAddressFilter(exclude_subnets=found),
            ONLY: NodeAddressFilter(include_subnets=found),
        }
        scope.sync(NodeAddressFilter.all(), filters)
