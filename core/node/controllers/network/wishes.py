"""What one layer wants of the network. A layer's controller makes `Wishes` from its inputs; they become resources
in the namespace network-config, each under an id that starts with the layer, where the merge finds them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from core.node.resources.network import (
    CONFIG_NAMESPACE,
    AddressSpec,
    ConfigLayer,
    HostnameSpec,
    LinkSpec,
    OperatorSpec,
    ResolverSpec,
    RouteSpec,
    TimeServerSpec,
    layered,
)
from core.node.resources.network.names import NameServer
from core.state import Controller, Input, Scope, Spec, shared

TYPES: Final[tuple[type[Spec], ...]] = (
    LinkSpec,
    AddressSpec,
    RouteSpec,
    HostnameSpec,
    ResolverSpec,
    TimeServerSpec,
    OperatorSpec,
)
OUTPUTS: Final = tuple(shared(spec) for spec in TYPES)


class Wishes:
    """Specs of one layer by type and id; two of one id are one, the later."""

    def __init__(self, layer: ConfigLayer) -> None:
        self.layer = layer
        self.specs: dict[type[Spec], dict[str, Any]] = {spec: {} for spec in TYPES}

    def add(self, spec: Spec, *name: str) -> None:
        """A spec that nothing below makes."""
        self.specs[type(spec)][layered(self.layer, *name)] = spec

    def link(self, name: str, *, mtu: int = 0) -> None:
        """The link shall be up."""
        self.add(LinkSpec(name=name, up=True, mtu=mtu, config_layer=self.layer), name)

    def hostname(self, fqdn: str, *origin: str) -> None:
        """The node's name, and its domain if it has one."""
        name, _, domain = fqdn.partition(".")
        self.add(HostnameSpec(hostname=name, domainname=domain, config_layer=self.layer), *origin, "hostname")

    def resolvers(self, servers: Sequence[str], domains: Sequence[str] = (), *origin: str, alone: bool = False) -> None:
        """Name servers and search domains; `alone`: no other layer's domains count, even if there are none here."""
        spec = ResolverSpec(
            dns_servers=tuple(servers),
            name_servers=tuple(NameServer(addr=server) for server in servers),
            search_domains=tuple(domains),
            search_domains_overridden=alone,
            config_layer=self.layer,
        )
        self.add(spec, *origin, "resolvers")

    def time_servers(self, servers: Sequence[str], *origin: str) -> None:
        """Who is asked for the time."""
        self.add(TimeServerSpec(ntp_servers=tuple(servers), config_layer=self.layer), *origin, "timeservers")


class LayerController(Controller):
    """Publishes what `make` wants, anew at each change of the inputs."""

    outputs = OUTPUTS

    def __init__(self, name: str, inputs: Sequence[Input], make: Callable[[Scope], Wishes]) -> None:
        self.name, self.inputs, self._make = name, tuple(inputs), make

    async def reconcile(self, scope: Scope) -> None:
        publish(scope, self._make(scope))


def publish(scope: Scope, wishes: Wishes) -> None:
    """Let the controller's resources in network-config be exactly these."""
    for spec in TYPES:
        scope.sync(spec.all(CONFIG_NAMESPACE), wishes.specs[spec])
