"""MachineConfig, Member -> KubePrismEndpoints -> KubePrismConfig: whether this node runs a balancer of its own before
the API servers, and which of them it knows."""

from collections.abc import Iterable, Iterator
from typing import Final

from core.config.load import Config
from core.config.schema.addresses import split_url
from core.node import machineconfig
from core.node.resources.cluster import Identity, Member
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import KubePrismConfig, KubePrismEndpoint, KubePrismEndpoints
from core.state import Controller, Scope, exclusive, weak

HOST: Final = "127.0.0.1"
_HTTPS: Final = 443
_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_IDENTITY: Final = Identity.at("local")
_ENDPOINTS: Final = KubePrismEndpoints.at("k8s-cluster")


class Endpoints(Controller):
    """Id `k8s-cluster`, while there is a config: the cluster's endpoint, this control plane, then all others."""

    name = "k8s.KubePrismEndpointsController"
    inputs = (weak(_CONFIG), weak(_IDENTITY), weak(Member))
    outputs = (exclusive(KubePrismEndpoints),)

    async def reconcile(self, scope: Scope) -> None:
        config, identity = scope.find(_CONFIG), scope.find(_IDENTITY)
        if config is None:
            scope.sync(KubePrismEndpoints.all(), {})
            return
        own = "" if identity is None else identity.spec.node_id
        members = [resource.spec for resource in scope.list(Member.all())]
        found = _known(machineconfig.of(config), [each for each in members if each.node_id != own])
        scope.put("k8s-cluster", KubePrismEndpoints(endpoints=tuple(dict.fromkeys(found))))


class Settings(Controller):
    """Id `k8s-loadbalancer-config`, while the config wants a balancer and there is somebody behind it."""

    name = "k8s.KubePrismConfigController"
    inputs = (weak(_CONFIG), weak(_ENDPOINTS))
    outputs = (exclusive(KubePrismConfig),)

    async def reconcile(self, scope: Scope) -> None:
        config, endpoints = scope.find(_CONFIG), scope.find(_ENDPOINTS)
        wanted = {}
        if config is not None and endpoints is not None and endpoints.spec.endpoints:
            prism = machineconfig.of(config).v1alpha1.machine.features.kube_prism
            if prism.enabled:
                wanted["k8s-loadbalancer-config"] = KubePrismConfig(
                    host=HOST, port=prism.port, endpoints=endpoints.spec.endpoints
                )
        scope.sync(KubePrismConfig.all(), wanted)


def _known(config: Config, others: Iterable[Member]) -> Iterator[KubePrismEndpoint]:
    cluster = config.v1alpha1.cluster
    url = split_url(cluster.control_plane.endpoint) if cluster.control_plane.endpoint else None
    if url is not None and url.hostname:
        yield KubePrismEndpoint(host=url.hostname, port=url.port or _HTTPS)
    if config.is_control_plane:
        yield KubePrismEndpoint(host=HOST, port=cluster.control_plane.local_api_server_port or 6443)
    for member in others:
        if member.control_plane is not None:
            for address in member.addresses:
                yield KubePrismEndpoint(host=address, port=member.control_plane.api_server_port)
