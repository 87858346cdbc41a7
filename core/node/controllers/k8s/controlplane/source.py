"""What the controllers of the control plane read the config by."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from core.cluster.kubernetes import controlplane, policies
from core.config import images
from core.config.load import Config
from core.config.schema.cluster import Cluster
from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.state import Controller, Input, Resource, Scope, Spec, transform

S = TypeVar("S", bound=Spec)


def of_control_plane(
    name: str, target: type[S], id_: str, make: Callable[[Config, Scope], S | None], *, also: tuple[Input, ...] = ()
) -> Controller:
    """The one `target`, of the config in force, on a control plane; None from `make` is none."""

    def derive(resource: Resource[MachineConfig], scope: Scope) -> S | None:
        config = machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not config.complete or not config.is_control_plane:
            return None
        return make(config, scope)

    return transform(name, MachineConfig, target, derive, rename=lambda _: id_, also=also)


def api_server_image(cluster: Cluster) -> str:
    """kube-apiserver's image, which says how its files are written."""
    return cluster.api_server.image or images.program(controlplane.APISERVER)


def authorizers(cluster: Cluster) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Type, name and a webhook's settings, in the order in which they are asked: those of the config, or Node and RBAC.
    Who names neither has both in front: without them no node and no part of the control plane could do anything."""
    asked = [(a.type, a.name or a.type.lower(), a.webhook or {}) for a in cluster.api_server.authorization_config]
    there = {kind for kind, _, _ in asked}
    return [*((kind, name, {}) for kind, name in policies.AUTHORIZERS if kind not in there), *asked]
