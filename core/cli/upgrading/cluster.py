"""The nodes of a cluster as an upgrade of its Kubernetes sees them: found by Kubernetes, asked and told through the
API of one control plane."""

from ipaddress import ip_address
from typing import Final, TypeVar

from google.protobuf.message import Message

from core.base.errors import Conflict, NotReady
from core.cli import kinds
from core.cli.rotation.members import Members
from core.cli.target import Node, Nodes
from core.cli.upgrading.plan import Held, Member
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.paths import NODES, Object, named
from core.codec import yaml
from core.rpc.pb.resource.definitions.cluster.cluster_pb2 import MemberSpec
from core.rpc.status import RpcError

M = TypeVar("M", bound=Message)
_MEMBERS: Final = ("cluster", "Members.cluster.talos.dev")
_MANIFESTS: Final = ("controlplane", "Manifests.kubernetes.talos.dev")


class Cluster(Members):
    """`nodes` names the one control plane that is asked who the others are; `kubernetes` is an administrator's."""

    def __init__(self, nodes: Nodes, kubernetes: Kubernetes) -> None:
        super().__init__(nodes)
        self.kubernetes = kubernetes

    async def reached(self) -> str:
        """Nothing is lacking when an API server does; raises NotReady until then."""
        await self.kubernetes.text("/readyz")
        return ""

    async def look(self) -> list[Held]:
        """Every node with its config, control planes first. Raises NotReady naming one that does not tell, Conflict
        naming one that Kubernetes does not know."""
        members = [_member(node) for node in (await self.kubernetes.list(NODES))["items"] or ()]
        await self._complete(members)
        found = []
        for member in members:
            try:
                found.append(Held(member, await self.config(member.address)))
            except RpcError as error:
                raise NotReady(
                    f"{member.name} does not tell its config: {error}", remedy="nothing begins until every node does"
                ) from None
        return sorted(found, key=lambda one: (not one.config.is_control_plane, one.member.name))

    async def _complete(self, members: list[Member]) -> None:
        known = {ip_address(member.address) for member in members}
        for other in await self._list(self.nodes.names[0], _MEMBERS, MemberSpec):
            if known.isdisjoint(ip_address(address.ip) for address in other.addresses):
                raise Conflict(
                    f"{other.hostname} is a member of the cluster, and no node of its Kubernetes",
                    remedy="wait until it is, or take it out",
                )

    async def resource(self, member: Member, kind: tuple[str, str], id_: str, spec: type[M]) -> M:
        """A resource of a node. Raises RpcError."""
        return await self._get(member.address, kind, id_, spec)

    async def manifests(self, member: Member) -> dict[str, list[Object]]:
        """What a control plane would have the cluster be given, by id, in the order in which that is applied. Raises
        RpcError."""
        namespace, type_ = _MANIFESTS

        async def ask(node: Node) -> dict[str, list[Object]]:
            found = {r.metadata.id: r.spec.yaml_spec async for r in kinds.listed(node, type_, namespace)}
            # numbers in YAML are what they were; in a message all are fractions
            return {id_: _objects(text) for id_, text in sorted(found.items())}

        return await self.nodes.one(member.address, ask)


def _objects(text: str) -> list[Object]:
    found = yaml.load(text.encode())
    return [dict(each) for each in found] if isinstance(found, list) else []


def _member(node: Object) -> Member:
    """Raises NotReady for one whose address is not known yet."""
    for address in node.get("status", {}).get("addresses") or ():
        if address["type"] == "InternalIP":
            return Member(named(node), str(address["address"]))
    raise NotReady(f"Kubernetes does not know yet where {named(node)} is")
