"""Under which names this node is meant: the addresses it has now and its host name. Not the names on its certificate,
which keep an address that has moved to another node, and may hold one that several nodes share."""

import asyncio
from ipaddress import ip_address
from typing import Final

from core.base.clock import Clock
from core.node.front.follow import follow
from core.node.front.routing import plain
from core.rpc.client import Channel
from core.rpc.pb.resource.definitions.network.network_pb2 import HostnameStatusSpec, NodeAddressSpec

_ADDRESSES: Final = ("network", "NodeAddresses.net.talos.dev", "current")
_HOSTNAME: Final = ("network", "HostnameStatuses.net.talos.dev", "hostname")


class Names:
    """Followed over machined's socket."""

    def __init__(self, machined: Channel, clock: Clock) -> None:
        self._machined, self._clock = machined, clock
        self._addresses: frozenset[str] = frozenset()
        self._hosts: frozenset[str] = frozenset()

    async def keep(self) -> None:
        """Keep them current, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(self._machined, self._clock, _ADDRESSES, self._use_addresses))
            group.create_task(follow(self._machined, self._clock, _HOSTNAME, self._use_hostname))

    def __contains__(self, target: object) -> bool:
        """Whether `target`, as a caller wrote it, is this node."""
        name = plain(str(target))
        if name in self._addresses or name in self._hosts or name == "localhost":
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return False

    def _use_addresses(self, encoded: bytes) -> None:
        spec = NodeAddressSpec.FromString(encoded)
        self._addresses = frozenset(str(ip_address(prefix.ip)) for prefix in spec.addresses)

    def _use_hostname(self, encoded: bytes) -> None:
        spec = HostnameStatusSpec.FromString(encoded)
        full = f"{spec.hostname}.{spec.domainname}" if spec.domainname else spec.hostname
        self._hosts = frozenset({spec.hostname.lower(), full.lower()} - {""})
