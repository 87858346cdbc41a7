"""MachineConfig -> StaticPods that an operator wants (`machine.pods`)."""

from collections.abc import Mapping
from typing import Any

from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import StaticPod
from core.state import Controller, Scope, shared, weak

_CONFIG = MachineConfig.at(machineconfig.ACTIVE)


class MachinePods(Controller):
    """Ids are <namespace>-<name>. Of two with one id the later counts."""

    name = "k8s.StaticPodConfigController"
    inputs = (weak(_CONFIG),)
    outputs = (shared(StaticPod),)

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        pods = machineconfig.of(config).v1alpha1.machine.pods if config is not None else ()
        scope.sync(StaticPod.all(), {_id(pod): StaticPod(pod=pod) for pod in pods})


def _id(pod: Mapping[str, Any]) -> str:
    metadata = pod["metadata"]  # that it has a name the config's rules have seen
    return f"{metadata.get('namespace') or 'default'}-{metadata['name']}"
