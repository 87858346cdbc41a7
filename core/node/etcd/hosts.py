"""Where the other control planes may be: what the config says of the cluster, and what the cluster says of itself. Owns
no order of trust: whoever is found there has to show a certificate of etcd's authority."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_interface
from typing import Final, overload

from core.config.schema.addresses import split_url
from core.node import machineconfig
from core.node.resources.cluster import Member
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Endpoint
from core.node.resources.network import NodeAddress
from core.state import Store

_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_MINE: Final = NodeAddress.at("accumulative")


class Hosts(Sequence[str]):
    """Addresses, each once, without this node's own; looked up each time. Names are left out: etcd's certificates hold
    addresses, and a name of the cluster is anybody's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._now())

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._now()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def _now(self) -> list[str]:
        mine = self._store.find(_MINE)
        own = set() if mine is None else {str(ip_interface(each).ip) for each in mine.spec.addresses}
        return [host for host in dict.fromkeys(self._named()) if host not in own]

    def _named(self) -> Iterator[str]:
        config = self._store.find(_CONFIG)
        if config is not None:
            yield from _addresses(_written(config.spec.yaml_marshalled))
        for member in self._store.list(Member.all()):
            if member.spec.machine_type.control_plane:
                yield from _addresses(member.spec.addresses[:1])
        for endpoint in self._store.list(Endpoint.all()):
            yield from _addresses(endpoint.spec.addresses)


def _written(data: bytes) -> Iterator[str]:
    """The cluster's endpoint, and for whom this API's certificates shall be good."""
    config = machineconfig.parsed(data).v1alpha1
    if config.cluster.control_plane.endpoint:
        yield split_url(config.cluster.control_plane.endpoint).hostname or ""
    yield from config.machine.cert_sans


def _addresses(names: Sequence[str] | Iterator[str]) -> Iterator[str]:
    for name in names:
        try:
            ip = ip_address(name)
        except ValueError:
            continue
        if not (ip.is_loopback or ip.is_unspecified):
            yield str(ip)
