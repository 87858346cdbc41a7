"""OperatorSpec -> what runs on links to find their configuration -> the operator layer. DHCPv4 so far: a client for
each link, for as long as it is wanted and its link exists."""

import asyncio
import logging
import random
from typing import Final

from core.base.backoff import Backoff
from core.codec.dhcp import Bound, Client, Lease, Lost
from core.linux.dhcp import Runner
from core.linux.network import Network
from core.node.controllers.network.wishes import OUTPUTS, Wishes, publish
from core.node.resources.network import (
    AddressSpec,
    ConfigLayer,
    Dhcp4,
    LinkStatus,
    Operator,
    OperatorSpec,
    Protocol,
    RouteSpec,
)
from core.node.resources.network import Scope as RouteScope
from core.state import Controller, Scope, weak

log = logging.getLogger("dhcp")
LAYER: Final = ConfigLayer.OPERATOR
Key = tuple[str, int, bytes]  # link name, index and hardware address: another card is another client


class Operators(Controller):
    """Runs the clients beside `reconcile`, which starts, ends and reads them. A link that loses its carrier keeps its
    lease; one that goes takes its client along."""

    name = "network.OperatorSpecController"
    inputs = (weak(OperatorSpec), weak(LinkStatus))
    outputs = OUTPUTS

    def __init__(self, network: Network) -> None:
        self._network = network
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._leases: dict[Key, Lease] = {}

    async def work(self, scope: Scope) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                scope.wake()
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._running.clear()

    async def reconcile(self, scope: Scope) -> None:
        wanted = self._wanted(scope)
        for key in self._running.keys() - wanted.keys():
            self._running.pop(key).cancel()
            self._leases.pop(key, None)
        if self._group is not None:
            for key in wanted.keys() - self._running.keys():
                self._running[key] = self._group.create_task(self._run(key, scope), name=f"dhcp4 on {key[0]}")
        wishes = Wishes(LAYER)
        for key, lease in self._leases.items():
            if key in wanted:
                granted(wishes, key[0], lease, wanted[key])
        publish(scope, wishes)

    def _wanted(self, scope: Scope) -> dict[Key, Dhcp4]:
        wanted = {}
        for resource in scope.list(OperatorSpec.all()):
            spec = resource.spec
            status = scope.find(LinkStatus.at(spec.link_name))
            if status is None or spec.operator is not Operator.DHCP4 or resource.md.tearing_down:
                continue
            key = (spec.link_name, status.spec.index, bytes.fromhex(status.spec.hardware_addr.replace(":", "")))
            if status.spec.link_state or not spec.require_up or key in self._running:
                wanted[key] = spec.dhcp4 or Dhcp4()
        return wanted

    async def _run(self, key: Key, scope: Scope) -> None:
        """One client, begun anew when its sockets fail (the link went down in between)."""
        name, index, hardware = key
        backoff = Backoff()

        def report(effect: Bound | Lost) -> None:
            if isinstance(effect, Bound):
                log.info("%s: %s from %s", name, effect.lease.interface, effect.lease.server)
                self._leases[key] = effect.lease
            else:
                log.warning("%s: the lease is gone: %s", name, effect.reason)
                self._leases.pop(key, None)
            scope.wake()

        while True:
            began = scope.clock.monotonic()
            client = Client(hardware, random.SystemRandom().random)
            try:
                await Runner(self._network, index, name, client, scope.clock, report).run()
            except OSError as error:
                delay = backoff.failed(scope.clock.monotonic() - began)
                log.warning("%s: DHCP stopped, again in %.1f s: %s", name, delay, error)
                await scope.clock.sleep(delay)


def granted(wishes: Wishes, link: str, lease: Lease, options: Dhcp4) -> None:
    """What a lease asks for on its link."""
    origin = ("dhcp4", link)
    wishes.link(link, mtu=lease.mtu)
    address = str(lease.interface)
    wishes.add(AddressSpec(address=address, link_name=link, config_layer=LAYER), *origin, address)
    if not options.skip_routes:
        for spec in _routes(link, lease, options.route_metric):
            wishes.add(spec, *origin, spec.destination or "default", spec.gateway)
    if lease.hostname and not options.skip_hostname_request:
        domain = "" if "." in lease.hostname or not lease.domain else "." + lease.domain
        wishes.hostname(lease.hostname + domain, *origin)
    if lease.dns or lease.domain:
        wishes.resolvers([str(a) for a in lease.dns], [lease.domain] if lease.domain else [], *origin)
    if lease.ntp:
        wishes.time_servers([str(a) for a in lease.ntp], *origin)


def _routes(link: str, lease: Lease, metric: int) -> list[RouteSpec]:
    """The lease's routes. A gateway outside the subnet (clouds hand out /32) is first made reachable on the link; the
    gateway 0.0.0.0 means that the destination itself is there (RFC 3442)."""
    made: list[RouteSpec] = []
    for network, gateway in lease.routes:
        local = int(gateway) == 0
        if not local and gateway not in lease.interface.network:
            made.append(_route(link, f"{gateway}/32", "", metric))
        made.append(_route(link, str(network) if network.prefixlen else "", "" if local else str(gateway), metric))
    return made


def _route(link: str, destination: str, gateway: str, metric: int) -> RouteSpec:
    return RouteSpec(
        destination=destination,
        gateway=gateway,
        out_link_name=link,
        priority=metric,
        scope=RouteScope.GLOBAL if gateway else RouteScope.LINK,
        protocol=Protocol.DHCP,
        config_layer=LAYER,
    )
