"""EtcdConfig, HostnameStatus, NodeAddress -> EtcdSpec: etcd as it is to run, its name and addresses."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_interface, ip_network
from typing import Final

from core.node.resources.etcd import EtcdConfig, EtcdSpec
from core.node.resources.network import HostnameStatus, NodeAddress
from core.state import Controller, Pointer, Resource, Scope, transform, weak

# of pods' and services' addresses none is etcd's
_ROUTED: Final = NodeAddress.at("routed-no-k8s")
_CURRENT: Final = NodeAddress.at("current-no-k8s")
_HOST: Final = HostnameStatus.at("hostname")
_LOOPBACK: Final = {4: "127.0.0.1", 6: "::1"}


def etcd_spec() -> Controller:
    """Id `etcd`, as soon as the node has a name and an address to announce. Where no subnets are given the first routed
    address is announced, and etcd listens everywhere; where some are, clients also find it on loopback."""
    return transform(
        "etcd.SpecController", EtcdConfig, EtcdSpec, _derive, also=(weak(_HOST), weak(_ROUTED), weak(_CURRENT))
    )


def _derive(resource: Resource[EtcdConfig], scope: Scope) -> EtcdSpec | None:
    config, host = resource.spec, scope.find(_HOST)
    routed, current = _addresses(scope, _ROUTED), _addresses(scope, _CURRENT)
    if host is None:
        return None
    if config.advertise_valid_subnets or config.advertise_exclude_subnets:
        advertised = _within(current, config.advertise_valid_subnets, config.advertise_exclude_subnets)
    else:
        advertised = routed[:1]
    if not advertised:
        return None
    if config.listen_valid_subnets or config.listen_exclude_subnets:
        peers = _within(current, config.listen_valid_subnets, config.listen_exclude_subnets)
        clients = [_LOOPBACK[ip_address(peers[0]).version], *peers] if peers else []
    else:
        peers = clients = ["::" if any(":" in each for each in routed) else "0.0.0.0"]
    if not peers:
        return None
    return EtcdSpec(
        name=host.spec.hostname,
        image=config.image,
        extra_args=config.extra_args,
        advertised_addresses=tuple(advertised),
        listen_peer_addresses=tuple(peers),
        listen_client_addresses=tuple(clients),
    )


def _addresses(scope: Scope, which: Pointer[NodeAddress]) -> list[str]:
    found = scope.find(which)
    return [] if found is None else [str(ip_interface(each).ip) for each in found.spec.addresses]


def _within(addresses: Iterable[str], valid: Iterable[str], excluded: Iterable[str]) -> list[str]:
    """Those in one of `valid` (all, if there are none) and in none of `excluded`."""
    allowed, refused = [[ip_network(subnet, strict=False) for subnet in each] for each in (valid, excluded)]

    def passes(address: str) -> bool:
        ip = ip_address(address)
        return (not allowed or any(ip in net for net in allowed)) and not any(ip in net for net in refused)

    return [address for address in addresses if passes(address)]
