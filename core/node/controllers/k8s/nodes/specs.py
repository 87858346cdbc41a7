"""MachineConfig, MachineStatus -> what this machine keeps of its Node object: labels, annotations, taints, and that no
pods come while it goes down."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from core.cluster.kubernetes.nodes import Taint
from core.config.load import Config
from core.node import machineconfig
from core.node.controllers.k8s.kubelet.config import taints
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import NodeAnnotationSpec, NodeCordonedSpec, NodeLabelSpec, NodeTaintSpec
from core.node.resources.runtime import MachineStage, MachineStatus
from core.state import Controller, Scope, Spec, exclusive, weak

S = TypeVar("S", bound=Spec)
CORDONED: Final = NodeCordonedSpec.at("cordoned")
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_STATUS: Final = MachineStatus.at("machine")
_ROLE: Final = "node-role.kubernetes.io"
_CLOSING: Final = frozenset(
    {MachineStage.REBOOTING, MachineStage.SHUTTING_DOWN, MachineStage.RESETTING, MachineStage.UPGRADING}
)


class _OfConfig(Controller):
    """Resources of one type that follow from the config in force, by id."""

    inputs = (weak(_CONFIG),)

    def __init__(self, name: str, target: type[S], make: Callable[[Config], Mapping[str, S]]) -> None:
        self.name, self.outputs = name, (exclusive(target),)
        self._kind, self._make = target.all(), make

    async def reconcile(self, scope: Scope) -> None:
        config = scope.find(_CONFIG)
        known = None if config is None else machineconfig.of(config)
        scope.sync(self._kind, {} if known is None or not known.complete else self._make(known))


class Cordoned(Controller):
    """Id `cordoned`, while the machine goes down."""

    name = "k8s.NodeCordonedSpecController"
    inputs = (weak(_STATUS),)
    outputs = (exclusive(NodeCordonedSpec),)

    async def reconcile(self, scope: Scope) -> None:
        status = scope.find(_STATUS)
        closing = status is not None and status.spec.stage in _CLOSING
        scope.sync(NodeCordonedSpec.all(), {CORDONED.id: NodeCordonedSpec()} if closing else {})


def specs() -> list[Controller]:
    """One controller for each."""
    return [
        _OfConfig("k8s.NodeLabelSpecController", NodeLabelSpec, _labels),
        _OfConfig("k8s.NodeAnnotationSpecController", NodeAnnotationSpec, _annotations),
        _OfConfig("k8s.NodeTaintSpecController", NodeTaintSpec, _taints),
        Cordoned(),
    ]


def _labels(config: Config) -> dict[str, NodeLabelSpec]:
    labels = dict(config.v1alpha1.machine.node_labels)
    if config.is_control_plane:
        labels[f"{_ROLE}/control-plane"] = ""
    return {key: NodeLabelSpec(key=key, value=value) for key, value in labels.items()}


def _annotations(config: Config) -> dict[str, NodeAnnotationSpec]:
    annotations = config.v1alpha1.machine.node_annotations
    return {key: NodeAnnotationSpec(key=key, value=value) for key, value in annotations.items()}


def _taints(config: Config) -> dict[str, NodeTaintSpec]:
    wished = {key: Taint.parse(text) for key, text in taints(config.v1alpha1)}
    return {key: NodeTaintSpec(key=key, value=taint.value, effect=taint.effect) for key, taint in wished.items()}
