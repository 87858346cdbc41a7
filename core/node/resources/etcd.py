"""etcd's membership as this node sees it."""

import msgspec

from core.state import Column, Spec, resource


@resource("EtcdMembers.etcd.talos.dev", "etcd", columns=(Column("ID", "{.memberID}"),))
class EtcdMember(Spec, frozen=True):
    """This node's member (id `local`), in hexadecimal."""

    member_id: str = msgspec.field(name="memberID")


@resource("PKIStatuses.etcd.talos.dev", "etcd", columns=(Column("Ready", "{.ready}"),))
class PKIStatus(Spec, frozen=True):
    """etcd's keys and certificates are in place (id `etcd`)."""

    ready: bool = False
    version: str = ""
