"""The node's name, and the servers that it asks for names and time."""

import msgspec

from core.node.resources.network.layers import NAMESPACE, ConfigLayer
from core.node.resources.values import Named, Value
from core.state import Column, Spec, resource


class DNSProtocol(Named):
    """How a name server is spoken to."""

    DEFAULT = 0
    DNS_OVER_TLS = 1
    DNS_OVER_HTTP = 2


class NameServer(Value, frozen=True):
    """A name server."""

    addr: str
    protocol: DNSProtocol = DNSProtocol.DEFAULT
    tls_server_name: str = ""


@resource("HostnameSpecs.net.talos.dev", NAMESPACE)
class HostnameSpec(Spec, frozen=True):
    """The node shall be called this (id `hostname`)."""

    hostname: str
    domainname: str = ""
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)


@resource(
    "HostnameStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("hostname",),
    columns=(Column("Hostname", "{.hostname}"), Column("Domainname", "{.domainname}")),
)
class HostnameStatus(Spec, frozen=True):
    """The node is called this (id `hostname`)."""

    hostname: str
    domainname: str = ""

    @property
    def fqdn(self) -> str:
        return f"{self.hostname}.{self.domainname}" if self.domainname else self.hostname


@resource("ResolverSpecs.net.talos.dev", NAMESPACE)
class ResolverSpec(Spec, frozen=True):
    """Names shall be asked of these (id `resolvers`)."""

    dns_servers: tuple[str, ...] = ()
    name_servers: tuple[NameServer, ...] = ()
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)
    search_domains: tuple[str, ...] = ()
    search_domains_overridden: bool = False


@resource(
    "ResolverStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("resolvers",),
    columns=(Column("Resolvers", "{.dnsServers}"), Column("Search Domains", "{.searchDomains}")),
)
class ResolverStatus(Spec, frozen=True):
    """Names are asked of these (id `resolvers`)."""

    dns_servers: tuple[str, ...] = ()
    name_servers: tuple[NameServer, ...] = ()
    search_domains: tuple[str, ...] = ()


@resource("TimeServerSpecs.net.talos.dev", NAMESPACE)
class TimeServerSpec(Spec, frozen=True):
    """Time shall be asked of these (id `timeservers`)."""

    ntp_servers: tuple[str, ...] = msgspec.field(name="timeServers", default=())
    use_nts: bool = msgspec.field(name="useNTS", default=False)
    config_layer: ConfigLayer = msgspec.field(name="layer", default=ConfigLayer.DEFAULT)


@resource(
    "TimeServerStatuses.net.talos.dev",
    NAMESPACE,
    aliases=("timeserver", "timeservers"),
    columns=(Column("Timeservers", "{.timeServers}"),),
)
class TimeServerStatus(Spec, frozen=True):
    """Time is asked of these (id `timeservers`)."""

    ntp_servers: tuple[str, ...] = msgspec.field(name="timeServers", default=())
    use_nts: bool = msgspec.field(name="useNTS", default=False)
