"""Where the other control planes are: what the config says of the cluster, and what the cluster says of itself. Whoever
is found has to show a certificate of etcd's authority; who counts when a cluster begins is `electorate`'s to say."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from typing import Final, overload

from core.cluster.etcd.client import Etcd
from core.cluster.etcd.reach import Reach
from core.config.schema.addresses import split_url
from core.node import machineconfig
from core.node.resources.cluster import Member
from core.node.resources.config import MachineConfig
from core.node.resources.k8s import Endpoint
from core.node.resources.network import NodeAddress
from core.rpc.pb.etcd import claims_pb2 as pb
from core.rpc.status import Code, RpcError
from core.state import Store

_CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
_MINE: Final = NodeAddress.at("accumulative")


@dataclass(frozen=True, slots=True)
class Host:
    """A control plane as itself or another knows it: by name ("" if that is not known), by addresses."""

    name: str
    addresses: frozenset[str]


class Hosts(Sequence[str]):
    """Addresses, each once, without this node's own; looked up each time. Names are left out: etcd's certificates hold
    addresses, and a name of the cluster is anybody's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def listed(self) -> list[str]:
        """Those that an operator has listed as the control planes, without this node's own address."""
        config = self._store.find(_CONFIG)
        planes = None if config is None else machineconfig.of(config).control_planes
        return [] if planes is None else self._others(_addresses(planes.addresses))

    def own(self, name: str) -> Host:
        """This node, which is called `name`; without the addresses that control planes share, by which another that is
        silent could be taken for it."""
        return Host(name, frozenset(self._mine() - self._shared()))

    def told(self) -> list[Host]:
        """The other control planes as an operator has listed them, and as they tell of themselves; some may be here
        twice. Left out is what may be anybody's: the cluster's endpoint, what control planes share, and who else is
        named in certificates."""
        planes = (each.spec for each in self._store.list(Member.all()) if each.spec.machine_type.control_plane)
        mine, shared = self._mine(), self._shared()
        told = [Host(each.hostname, frozenset(_addresses(each.addresses)) - shared) for each in planes]
        return [*(Host("", frozenset((each,))) for each in self.listed), *(h for h in told if not h.addresses & mine)]

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
        return self._others((*self.listed, *self._named()))

    def _others(self, hosts: Iterable[str]) -> list[str]:
        own = self._mine()
        return [host for host in dict.fromkeys(hosts) if host not in own]

    def _mine(self) -> set[str]:
        mine = self._store.find(_MINE)
        return set() if mine is None else {str(ip_interface(each).ip) for each in mine.spec.addresses}

    def _shared(self) -> set[str]:
        config = self._store.find(_CONFIG)
        shared = () if config is None else machineconfig.shared_addresses(machineconfig.of(config))
        return {str(ip_address(each)) for each in shared}

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
    """The cluster's endpoint, and for whom this API's certificates shall be good; but for what is nobody's own."""
    config = machineconfig.parsed(data)
    shared, endpoint = {*machineconfig.shared_addresses(config)}, config.v1alpha1.cluster.control_plane.endpoint
    names = [split_url(endpoint).hostname or ""] if endpoint else []
    yield from (name for name in (*names, *config.v1alpha1.machine.cert_sans) if name not in shared)


async def electorate(hosts: Hosts, reach: Reach, name: str) -> tuple[list[str], list[str]]:
    """Who is to agree that the node `name` begins a cluster: all that are listed, and whoever else answers, each once.
    And who was asked in vain, with why: what is not listed may be a balancer, or this node by another address."""
    rest = [host for host in hosts if host not in set(hosts.listed)]
    reach.hosts = rest
    answers = await asyncio.gather(*(_look(etcd) for etcd in reach.others))
    heard, silent, names = [], [], {name}
    for host, answer in zip(rest, answers, strict=True):
        if isinstance(answer, pb.Standing):
            heard += [host] * (answer.name not in names)
            names.add(answer.name)
        elif answer.code is Code.UNIMPLEMENTED:  # etcd itself
            heard.append(host)
        else:
            silent.append(f"{host}: {answer}")
    return [*hosts.listed, *heard], silent


async def _look(etcd: Etcd) -> pb.Standing | RpcError:
    try:
        return await etcd.claims("Look", pb.LookRequest())
    except RpcError as error:
        return error


def _addresses(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        try:
            ip = ip_address(name)
        except ValueError:
            continue
        if not (ip.is_loopback or ip.is_unspecified):
            yield str(ip)
