"""Who holds which name and address in this cluster, as far as this control plane can tell: itself, what clients ask the
cluster by, the members that discovery knows, and the nodes it has signed for, whose certificates are still good. The
last outlive machined."""

from collections.abc import Iterable, Iterator
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
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_RESERVED: Final = ("talos", "talos.default", "localhost")  # what pods and everybody ask a control plane by


class Joined(msgspec.Struct, frozen=True):
    """What a certificate made here names, and when it ends (Unix seconds)."""

    names: tuple[str, ...]
    until: float


Ledger = Survivor[dict[str, Joined]]


class Holders:
    """The ledger is of who asked, by the address that was asked from."""

    def __init__(self, store: Store, ledger: Ledger, clock: Clock) -> None:
        self._store, self._ledger, self._clock = store, ledger, clock
        self._joined = ledger.load() or {}

    def taken(self, source: str) -> tuple[str, ...]:
        """Every name and address that somebody else than the node at `source` holds. Raises Exhausted when there is no
        room to remember one more."""
        now = self._clock.now()
        self._joined = {asker: joined for asker, joined in self._joined.items() if joined.until > now}
        if source not in self._joined and len(self._joined) >= LIMIT:
            raise Exhausted(f"{LIMIT} nodes have joined here already")
        others = (name for asker, joined in self._joined.items() if asker != source for name in joined.names)
        found = {*_RESERVED, *others, *self._own(), *self._members(source)}
        return tuple(sorted(found - LOOPBACK - {""}))

    def note(self, source: str, names: Iterable[str], until: float) -> None:
        """The node at `source` holds these until then. Raises Exhausted and remembers nothing when it does not fit."""
        own = Joined(tuple(name for name in names if name not in LOOPBACK), until)
        joined = {**self._joined, source: own}
        self._ledger.save(joined)
        self._joined = joined

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
    for interface in config.v1alpha1.machine.network.interfaces:
        vips = (interface.vip, *(vlan.vip for vlan in interface.vlans))
        yield from (vip.ip for vip in vips if vip is not None)
