"""network-config -> network: of what the layers want, what shall be. The highest layer that speaks of a thing wins;
a link keeps what only lower layers say of it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from core.node.resources.network import (
    CONFIG_NAMESPACE,
    AddressSpec,
    HostnameSpec,
    LinkSpec,
    OperatorSpec,
    ResolverSpec,
    RouteSpec,
    TimeServerSpec,
)
from core.state import Controller, Resource, Spec, merge, shared

S = TypeVar("S", bound=Spec)


def merges() -> list[Controller]:
    """One for each type; their outputs are shared with the layers, who write to the other namespace."""
    return [
        _merge("network.LinkMergeController", LinkSpec, lambda s: s.name, _links),
        _merge("network.AddressMergeController", AddressSpec, lambda s: f"{s.link_name}/{s.address}", _highest),
        _merge("network.RouteMergeController", RouteSpec, route_id, _highest),
        _merge("network.OperatorMergeController", OperatorSpec, operator_id, _highest),
        _merge("network.HostnameMergeController", HostnameSpec, lambda _: "hostname", _highest),
        _merge("network.ResolverMergeController", ResolverSpec, lambda _: "resolvers", _resolvers),
        _merge("network.TimeServerMergeController", TimeServerSpec, lambda _: "timeservers", _highest),
    ]


def route_id(spec: RouteSpec) -> str:
    """What tells a route from another: where it leads, how far, and through what."""
    parts = [spec.family.text, spec.gateway, spec.destination, str(spec.priority)]
    parts = parts if spec.gateway else [spec.out_link_name, *parts]
    return "/".join(parts if spec.table == 254 else [spec.table.text, *parts])


def operator_id(spec: OperatorSpec) -> str:
    """One of a kind for each link, but as many addresses that are shared as there are."""
    parts = [str(spec.operator), spec.link_name, *([spec.vip.ip] if spec.vip is not None else [])]
    return "/".join(parts)


def _merge(
    name: str, spec: type[S], key: Callable[[S], str], combine: Callable[[Sequence[Resource[S]]], S]
) -> Controller:
    return merge(
        name,
        spec.all(CONFIG_NAMESPACE),
        spec,
        combine,
        key=lambda resource: key(resource.spec),
        order=lambda resource: int(getattr(resource.spec, "config_layer")),  # noqa: B009 - each of these specs has it
        output=shared(spec),
    )


def _highest(layers: Sequence[Resource[S]]) -> S:
    return layers[-1].spec


def _links(layers: Sequence[Resource[LinkSpec]]) -> LinkSpec:
    specs = [layer.spec for layer in layers]
    mtu = next((spec.mtu for spec in reversed(specs) if spec.mtu), 0)
    return replace(specs[-1], up=any(spec.up for spec in specs), mtu=mtu)


def _resolvers(layers: Sequence[Resource[ResolverSpec]]) -> ResolverSpec:
    """Servers of the highest layer that has any; domains of the highest that has any or wants none."""
    highest_first = [layer.spec for layer in reversed(layers)]
    servers = next((spec for spec in highest_first if spec.dns_servers), highest_first[0])
    domains = next((s for s in highest_first if s.search_domains or s.search_domains_overridden), highest_first[0])
    return replace(
        highest_first[0],
        dns_servers=servers.dns_servers,
        name_servers=servers.name_servers,
        search_domains=domains.search_domains,
    )
