"""Routes: RouteSpec -> kernel, kernel -> RouteStatus. Only routes that carry our protocol number are ever removed."""

import errno
import logging
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final

from core.linux import link, route
from core.linux.address import OWN
from core.linux.network import Network
from core.linux.route import Entry
from core.node.controllers.network.failures import Failures
from core.node.controllers.network.leftovers import Leftovers
from core.node.resources.network import (
    AddressStatus,
    Family,
    LinkStatus,
    NextHop,
    Protocol,
    RouteSpec,
    RouteStatus,
    RouteType,
    Table,
)
from core.node.resources.network import Scope as RouteScope
from core.state import Controller, Scope, observe, weak
from ext.netlink.types import NetlinkError, Route

log = logging.getLogger("network")
# the gateway's address or link is still on its way, whose coming wakes us
_WAITS: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
_FAMILIES: Final = (Family.INET4, Family.INET6)
_EVERYWHERE: Final = {Family.INET4: ip_network("0.0.0.0/0"), Family.INET6: ip_network("::/0")}


class RouteApply(Controller):
    """Lets our routes in the kernel be those of the specs. A route waits for its link to be up; one that the kernel
    dropped with its address or link comes again with them."""

    name = "network.RouteSpecController"
    inputs = (weak(RouteSpec), weak(RouteStatus), weak(LinkStatus), weak(AddressStatus))

    def __init__(self, network: Network) -> None:
        self._network = network
        self._leftovers: Leftovers[Entry] = Leftovers()

    async def reconcile(self, scope: Scope) -> None:
        rtnl = self._network.rtnl
        wanted = self._wanted(scope)
        present = {_entry(found) for found in route.routes(rtnl, protocol=OWN)}
        failures = Failures()
        for entry in self._leftovers.of(scope, wanted.keys(), present):
            with failures.kept(f"route {entry.dst}"):
                route.remove(rtnl, entry)
        # what leads to a link first: gateways of the others may lie behind it
        new = sorted(wanted.keys() - present, key=lambda entry: (entry.gateway is not None, entry.priority))
        for entry, refused in zip(new, rtnl.requests(map(route.addition, new)), strict=True):
            with failures.kept(f"route {wanted[entry]}"):
                _judge(refused, wanted[entry])
        failures.throw()

    def _wanted(self, scope: Scope) -> dict[Entry, str]:
        links = self._network.links()
        wanted = {}
        for resource in scope.list(RouteSpec.all()):
            name = resource.spec.out_link_name
            waits = name and (name not in links or not links[name].flags & link.UP)
            if not waits and not resource.md.tearing_down:
                wanted[entry_of(resource.spec, links[name].ifindex if name else 0)] = resource.md.id
        return wanted


def _judge(refused: NetlinkError | None, name: str) -> None:
    """Say that a route waits, raise when it never will be."""
    if refused is None:
        return
    if refused.errno not in _WAITS:
        raise refused
    log.info("route %s waits: %s", name, refused)


def entry_of(spec: RouteSpec, index: int) -> Entry:
    """A spec as the kernel lists it: IPv6 knows no scopes and gives a route without a metric 1024."""
    six = spec.family is Family.INET6
    return Entry(
        dst=ip_network(spec.destination) if spec.destination else _EVERYWHERE[spec.family],
        out=index,
        gateway=ip_address(spec.gateway) if spec.gateway else None,
        source=ip_address(spec.source) if spec.source else None,
        table=int(spec.table) or route.MAIN,
        priority=spec.priority or (1024 if six else 0),
        scope=0 if six else int(spec.scope),
        type=int(spec.type),
        flags=spec.flags,
        mtu=spec.mtu,
    )


def _entry(found: Route) -> Entry:
    return Entry(
        dst=route.destination(found),
        out=found.out,
        gateway=ip_address(found.gateway) if found.gateway else None,
        source=ip_address(found.source) if found.source else None,
        table=found.table,
        priority=found.priority,
        scope=found.scope,
        type=found.type,
        flags=found.flags & route.ONLINK,  # the rest is the state of the link
        mtu=found.mtu,
    )


def route_status(network: Network) -> Controller:
    """The routes of every table but the kernel's own local one."""

    async def look(_: Scope) -> Mapping[str, RouteStatus]:
        names = {found.ifindex: found.name for found in link.links(network.rtnl)}
        statuses = {}
        for found in route.routes(network.rtnl):
            if found.family in _FAMILIES and found.table != Table.LOCAL:
                status = status_of(found, names)
                statuses[_id(status)] = status
        return statuses

    groups = [*route.GROUPS, link.GROUP]  # the kernel drops a link's IPv4 routes without a word when it goes down
    return observe("network.RouteStatusController", RouteStatus, look, lambda: network.changes(groups))


def _id(status: RouteStatus) -> str:
    parts = [status.out_link_name, status.family.text, status.gateway, status.destination, str(status.priority)]
    return "/".join(parts if status.table is Table.MAIN else [status.table.text, *parts])


def status_of(found: Route, names: Mapping[int, str]) -> RouteStatus:
    """A route of the kernel with its link's name."""

    def text(raw: bytes) -> str:
        return str(ip_address(raw)) if raw else ""

    destination = route.destination(found)
    return RouteStatus(
        family=Family(found.family),
        destination=str(destination) if destination.prefixlen else "",
        source=text(found.source),
        gateway=text(found.gateway),
        out_link_index=found.out,
        out_link_name=names.get(found.out, ""),
        table=Table(found.table),
        priority=found.priority,
        scope=RouteScope(found.scope),
        type=RouteType(found.type),
        flags=found.flags,
        protocol=Protocol(found.protocol),
        mtu=found.mtu,
        next_hops=tuple(
            NextHop(gateway=text(hop.gateway), out_link_name=names.get(hop.ifindex, ""), weight=hop.weight)
            for hop in found.hops
        ),
    )
