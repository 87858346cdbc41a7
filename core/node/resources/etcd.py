"""etcd on this node: what the config says, what it is run with, its keys, and its membership."""

from collections.abc import Mapping

import msgspec

from core.state import Column, Spec, resource


@resource("EtcdConfigs.etcd.talos.dev", "etcd", columns=(Column("Image", "{.image}"),))
class EtcdConfig(Spec, frozen=True):
    """etcd as configured (id `etcd`): prefixes of the addresses to announce and to listen at, and those left out."""

    advertise_valid_subnets: tuple[str, ...] = ()
    advertise_exclude_subnets: tuple[str, ...] = ()
    listen_valid_subnets: tuple[str, ...] = ()
    listen_exclude_subnets: tuple[str, ...] = ()
    image: str = ""
    extra_args: Mapping[str, tuple[str, ...]] = {}


@resource(
    "EtcdSpecs.etcd.talos.dev",
    "etcd",
    columns=(
        Column("Name", "{.name}"),
        Column("Advertised Addresses", "{.advertisedAddresses}"),
        Column("Listen Peer Addresses", "{.listenPeerAddresses}"),
        Column("Listen Client Addresses", "{.listenClientAddresses}"),
    ),
)
class EtcdSpec(Spec, frozen=True):
    """etcd as it is run (id `etcd`)."""

    name: str
    advertised_addresses: tuple[str, ...] = ()
    listen_peer_addresses: tuple[str, ...] = ()
    listen_client_addresses: tuple[str, ...] = ()
    image: str = ""
    extra_args: Mapping[str, tuple[str, ...]] = {}


@resource("EtcdMembers.etcd.talos.dev", "etcd", columns=(Column("ID", "{.memberID}"),))
class EtcdMember(Spec, frozen=True):
    """This node's member (id `local`), in hexadecimal."""

    member_id: str = msgspec.field(name="memberID")


@resource("PKIStatuses.etcd.talos.dev", "etcd", columns=(Column("Ready", "{.ready}"),))
class PKIStatus(Spec, frozen=True):
    """etcd's keys and certificates are in place (id `etcd`); `version` changes with
    what a running etcd does not take up."""

    ready: bool = False
    version: str = ""
