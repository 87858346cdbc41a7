"""The node's name and whom it asks: HostnameSpec -> kernel -> HostnameStatus, ResolverSpec -> ResolverStatus,
TimeServerSpec -> TimeServerStatus."""

from collections.abc import Callable

from core.node.resources.network import (
    HostnameSpec,
    HostnameStatus,
    ResolverSpec,
    ResolverStatus,
    TimeServerSpec,
    TimeServerStatus,
)
from core.state import Controller, Resource, Scope, transform
from ext.sys import sethostname


def names(set_hostname: Callable[[str], None] = sethostname) -> list[Controller]:
    """`set_hostname` names the UTS namespace; a container node has its own."""
    said: list[str] = []

    def hostname(resource: Resource[HostnameSpec], _: Scope) -> HostnameStatus:
        spec = resource.spec
        if said[-1:] != [spec.hostname]:
            set_hostname(spec.hostname)
            said[:] = [spec.hostname]
        return HostnameStatus(hostname=spec.hostname, domainname=spec.domainname)

    return [
        transform("network.HostnameSpecController", HostnameSpec, HostnameStatus, hostname),
        transform("network.ResolverSpecController", ResolverSpec, ResolverStatus, _resolvers),
        transform("network.TimeServerSpecController", TimeServerSpec, TimeServerStatus, _time_servers),
    ]


def _resolvers(resource: Resource[ResolverSpec], _: Scope) -> ResolverStatus:
    spec = resource.spec
    return ResolverStatus(
        dns_servers=spec.dns_servers, name_servers=spec.name_servers, search_domains=spec.search_domains
    )


def _time_servers(resource: Resource[TimeServerSpec], _: Scope) -> TimeServerStatus:
    return TimeServerStatus(ntp_servers=resource.spec.ntp_servers, use_nts=resource.spec.use_nts)
