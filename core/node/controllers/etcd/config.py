"""MachineConfig -> EtcdConfig: what an operator says of etcd, on a control plane alone."""

from collections.abc import Iterable, Sequence
from typing import Final

from core.node import machineconfig
from core.node.resources.config import MachineConfig
from core.node.resources.etcd import EtcdConfig
from core.state import Controller, Resource, Scope, transform

ID: Final = "etcd"
IMAGE: Final = "registry.k8s.io/etcd:v3.7.1"


def etcd_config() -> Controller:
    """Id `etcd`. A `subnet` of old is the one to announce addresses from; nothing said of listening means there too."""

    def derive(resource: Resource[MachineConfig], _: Scope) -> EtcdConfig | None:
        config = machineconfig.of(resource)
        if resource.md.id != machineconfig.ACTIVE or not (config.complete and config.is_control_plane):
            return None
        etcd = config.v1alpha1.cluster.etcd
        advertised = etcd.advertised_subnets or ((etcd.subnet,) if etcd.subnet else ())
        listen = etcd.listen_subnets or advertised
        shared = tuple(machineconfig.shared_addresses(config))  # are this node's for a while only
        return EtcdConfig(
            image=etcd.image or IMAGE,
            extra_args=etcd.extra_args,
            advertise_valid_subnets=_named(advertised),
            advertise_exclude_subnets=_excluded(advertised, shared),
            listen_valid_subnets=_named(listen),
            listen_exclude_subnets=_excluded(listen, shared),
        )

    return transform("etcd.ConfigController", MachineConfig, EtcdConfig, derive, rename=lambda _: ID)


def _named(subnets: Iterable[str]) -> tuple[str, ...]:
    return tuple(subnet for subnet in subnets if not subnet.startswith("!"))


def _excluded(subnets: Sequence[str], shared: tuple[str, ...]) -> tuple[str, ...]:
    """Nothing where no subnets are given, for then the first routed address is announced, and no shared one is that."""
    return (*(subnet[1:] for subnet in subnets if subnet.startswith("!")), *(shared if subnets else ()))
