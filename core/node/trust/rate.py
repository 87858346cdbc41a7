"""How often one source may be served: a bound for each, and a bound on how many are remembered. When that is reached
strangers are refused rather than the remembered forgotten."""

from collections import deque
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from core.base.clock import Clock
from core.base.errors import Exhausted

LIMIT: Final = 8
SECONDS: Final = 3600.0
SOURCES: Final = 4096
_HOST_BITS: Final = {4: 32, 6: 64}  # who has an IPv6 address has the /64 around it


class Rate:
    """At most `limit` in `seconds` for each source; `sources` at once."""

    def __init__(self, clock: Clock, limit: int = LIMIT, seconds: float = SECONDS, sources: int = SOURCES) -> None:
        self._clock = clock
        self._limit, self._seconds, self._sources = limit, seconds, sources
        self._taken: dict[str, deque[float]] = {}

    def take(self, source: IPv4Address | IPv6Address) -> None:
        """Count one. Raises Exhausted, and counts nothing, when it would be one too many."""
        key = _key(source)
        since = self._clock.monotonic() - self._seconds
        times = self._taken.get(key)
        if times is None:
            times = self._remember(key, since)
        while times and times[0] <= since:
            times.popleft()
        if len(times) >= self._limit:
            raise Exhausted(f"{source} has asked {self._limit} times within {self._seconds:.0f} s")
        times.append(self._clock.monotonic())

    def give_back(self, source: IPv4Address | IPv6Address) -> None:
        """Count one less: it was not served, through no fault of its own."""
        key = _key(source)
        times = self._taken.get(key)
        if times:
            times.pop()
        if not times:
            self._taken.pop(key, None)

    def __len__(self) -> int:
        return len(self._taken)

    def _remember(self, key: str, since: float) -> deque[float]:
        if len(self._taken) >= self._sources:
            self._taken = {other: times for other, times in self._taken.items() if times[-1] > since}
        if len(self._taken) >= self._sources:
            raise Exhausted(f"{self._sources} others have asked within {self._seconds:.0f} s")
        return self._taken.setdefault(key, deque(maxlen=self._limit))


def _key(source: IPv4Address | IPv6Address) -> str:
    return str(ip_network((source, _HOST_BITS[source.version]), strict=False))
