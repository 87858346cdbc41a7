"""Service -> EtcdMember: which member of etcd this node is, for as long as it serves."""

from core.node.etcd.place import Place
from core.node.resources.etcd import EtcdMember
from core.node.resources.services import Service
from core.state import Controller, Scope, exclusive, weak

_SERVICE = Service.at("etcd")


class MemberController(Controller):
    """Id `local`. The member itself is asked: after a recovery it is another one."""

    name = "etcd.MemberController"
    inputs = (weak(_SERVICE),)
    outputs = (exclusive(EtcdMember),)

    def __init__(self, place: Place) -> None:
        self._place = place

    async def reconcile(self, scope: Scope) -> None:
        service = scope.find(_SERVICE)
        if service is None or not (service.spec.running and service.spec.healthy):
            scope.remove(EtcdMember.at("local"))
            return
        status = await self._place.own.status()
        scope.put("local", EtcdMember(member_id=f"{status.header.member_id:016x}"))
