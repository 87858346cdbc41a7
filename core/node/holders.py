"""Who holds which name and address in this cluster, as far as this control plane can tell: itself, what clients ask the
cluster by, the members that discovery knows, and the nodes it has signed for, whose certificates are still good. The
last outlive machined."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

import msgspec

from core.base.clock import Clock
from core.base.errors import Exhausted
from core.config.load import Config
from core.config.schema.addresses import split_url
from core.node import machineconfig
from core.node.resources.cluster import Member
from core.node.resources.config import MachineConfig
from core.node.resources.secrets import CertSAN
from core.node.survivor import Survivor
from core.state import Store

LIMIT: Final = 1024
NAMES: Final = 128
_DUE: Final = 0.4  # of a certificate's life: a node renews at half of it, by its own clock
# (bits of a network, how many keys in it): who has the token and one network to ask from never fills the ledger
_BOUNDS: Final = {4: ((32, 32), (24, LIMIT // 2)), 6: ((128, 32), (64, LIMIT // 2))}
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_RESERVED: Final = ("talos", "talos.default", "localhost")  # what pods and everybody ask a control plane by


class Joined(msgspec.Struct, frozen=True):
    """Who was signed for: where that key asked from last, what its certificates name and when the last that names it
    ends, when it may ask again without having asked too often (Unix seconds)."""

    source: str
    names: dict[str, float]
    due: float


Ledger = Survivor[dict[str, Joined]]


class Holders:
    """The ledger is of keys, by fingerprint: who shows that it has the key may move. What was signed for at an address
    may be asked for from there with another key too, as a node does that was wiped; and what was claimed of an address
    without asking from it gives way to who does."""

    def __init__(self, store: Store, ledger: Ledger, clock: Clock) -> None:
        self._store, self._ledger, self._clock = store, ledger, clock
        self._joined = ledger.load() or {}

    def taken(self, source: str) -> tuple[str, ...]:
        """Every name and address that is not for the node at `source`, whatever key it has."""
        found = {*_RESERVED, *self._own(), *self._members(source)}
        return tuple(sorted(found - LOOPBACK - {""}))

    def claimed(self, source: str) -> dict[str, tuple[str, ...]]:
        """The names and addresses that are, from `source`, for who has one key alone."""
        joined = self._current(self._clock.now())
        others = {key: one.names.keys() - {source} for key, one in joined.items() if one.source != source}
        return {key: tuple(sorted(names)) for key, names in others.items() if names}

    def note(self, source: str, key: str, names: Iterable[str], until: float) -> bool:
        """The one who has the key, at `source`, holds these until then; whether that was due. Raises Exhausted and
        remembers nothing when it is too much for one node, for one network, or for all."""
        now = self._clock.now()
        joined = self._current(now)
        before = joined.pop(key, None)
        given = dict.fromkeys((name for name in names if name not in LOOPBACK), until)
        held = given if before is None else before.names | given
        if len(held) > NAMES:
            raise Exhausted(f"{source} has been signed for with {NAMES} names already")
        joined = dict(_giving_way(joined, source, given))
        if before is None:
            _check_room(joined, source)
        joined[key] = Joined(source, held, now + _DUE * (until - now))
        self._ledger.save(joined)
        self._joined = joined
        return before is not None and now >= before.due

    def _current(self, now: float) -> dict[str, Joined]:
        """Without what has ended."""
        left = dict(self._joined)
        for key, one in self._joined.items():
            if min(one.names.values()) <= now:
                names = {name: end for name, end in one.names.items() if end > now}
                left[key] = msgspec.structs.replace(one, names=names)
        return {key: one for key, one in left.items() if one.names}

    def _own(self) -> Iterator[str]:
        sans = self._store.find(CertSAN.at("api"))
        if sans is not None:
            yield from (*sans.spec.ips, *sans.spec.dns_names, sans.spec.fqdn)
        config = self._store.find(MachineConfig.at(machineconfig.ACTIVE))
        if config is not None:
            yield from _shared(machineconfig.of(config))

    def _members(self, source: str) -> Iterator[str]:
        for member in self._store.list(Member.all()):
            spec = member.spec
            if source not in spec.addresses or spec.machine_type.control_plane:  # a control plane need not ask
                yield from (*spec.addresses, spec.hostname, member.md.id)


def _shared(config: Config) -> Iterator[str]:
    """What is nobody's own: the cluster's endpoint, and addresses that wander between nodes."""
    if endpoint := config.v1alpha1.cluster.control_plane.endpoint:
        yield split_url(endpoint).hostname or ""
    yield from machineconfig.shared_addresses(config)


def _giving_way(joined: dict[str, Joined], source: str, given: Mapping[str, float]) -> Iterator[tuple[str, Joined]]:
    """The others, without what is another's now."""
    for key, one in joined.items():
        gone = given.keys() if one.source == source else {source}
        left = {name: end for name, end in one.names.items() if name not in gone}
        if left:
            yield key, msgspec.structs.replace(one, names=left)


@lru_cache(4 * LIMIT)
def _network(source: str, bits: int) -> str:
    return str(ip_network((source, bits), strict=False)) if bits <= ip_address(source).max_prefixlen else ""


def _check_room(joined: Mapping[str, Joined], source: str) -> None:
    """Raise Exhausted when there is none for one more key from there."""
    if len(joined) >= LIMIT:
        raise Exhausted(f"{LIMIT} nodes have joined here already")
    version = ip_address(source).version
    for bits, most in _BOUNDS[version]:
        network = _network(source, bits)
        if sum(_network(one.source, bits) == network for one in joined.values()) >= most:
            raise Exhausted(f"{most} nodes at {network} have joined here already")
