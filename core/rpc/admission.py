"""Who may be connected at once: so many in all, so many from one address, so many that have not shaken hands.

Accepts nothing by itself; closes only the oldest unfinished handshake, when there are too many.
"""

import ipaddress

from ext.http2.connection import Connection
from ext.http2.limits import Limits

_NETWORK = 64  # bits of an IPv6 address that belong to one customer


class Admission:
    """The connections of a server, in the order they came."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._origins: dict[Connection, str | None] = {}
        self._counts: dict[str, int] = {}
        self._young: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._origins)

    @property
    def connections(self) -> list[Connection]:
        """All of them."""
        return list(self._origins)

    def admits(self, address: object) -> bool:
        """May one more come from here? `address` is what accept() gave."""
        origin = _origin(address)
        return origin is None or self._counts.get(origin, 0) < self._limits.addresses

    def add(self, connection: Connection, address: object) -> None:
        """Count an open connection; when too many have not shaken hands, the oldest of them ends."""
        self._origins[connection] = origin = _origin(address)
        if origin is not None:
            self._counts[origin] = self._counts.get(origin, 0) + 1
        self._young[connection] = None
        if len(self._young) > self._limits.handshakes:
            self._make_way()

    def remove(self, connection: Connection) -> None:
        """It has ended, or was never added."""
        origin = self._origins.pop(connection, None)
        self._young.pop(connection, None)
        if origin is not None:
            self._counts[origin] -= 1
            if not self._counts[origin]:
                del self._counts[origin]

    def _make_way(self) -> None:
        self._young = {connection: None for connection in self._young if not connection.settled}
        if len(self._young) > self._limits.handshakes:
            next(iter(self._young)).close("too many handshakes at once")


def _origin(address: object) -> str | None:
    """An IPv4 address or an IPv6 network; None for a unix socket, whose file's mode says who may come."""
    if not isinstance(address, tuple):
        return None
    host = ipaddress.ip_address(address[0].partition("%")[0])
    if host.version == 4:
        return str(host)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ipaddress.ip_network((host, _NETWORK), strict=False).network_address)
