"""The nodes of a cluster as an exchange of its authority sees them: asked and told through the endpoints, each time
over a new connection and as whoever the client is now; and dialled themselves where that was possible at the start."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

import msgspec
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base.errors import Conflict, NotReady
from core.cli.kubeconfig import fetched
from core.cli.target import Node, Nodes, with_port, without_port
from core.codec import yaml
from core.config.load import Config, load
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.resource.config.config_pb2 import MachineConfigSpec
from core.rpc.pb.resource.definitions.cluster.cluster_pb2 import MemberSpec
from core.rpc.pb.resource.definitions.k8s.k8s_pb2 import NodenameSpec
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import APICertsSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS

M = TypeVar("M", bound=Message)
_CONFIG: Final = ("config", "MachineConfigs.config.talos.dev")
_CERTIFICATES: Final = ("secrets", "ApiCertificates.secrets.talos.dev")
_MEMBERS: Final = ("cluster", "Members.cluster.talos.dev")
_TRUSTS: Final = ("k8s", "ProgramTrusts.kubernetes.ichor.dev")
_NODENAME: Final = ("k8s", "Nodenames.kubernetes.talos.dev")
_VERSION: Final = "machine.MachineService/Version"
_HOSTNAME: Final = "machine.MachineService/Hostname"
_APPLY: Final = "machine.MachineService/ApplyConfiguration"
ASK_SECONDS: Final = 15.0
APPLY_SECONDS: Final = 120.0
_DIAL_SECONDS: Final = 5.0


class Trust(msgspec.Struct, frozen=True):
    """Whom a program believes, and whose certificates it shows, by identity."""

    authorities: frozenset[str] = frozenset()
    issuer: str = ""


def _trust(text: str) -> Trust:
    return msgspec.convert(yaml.builtins(yaml.load(text.encode())), Trust)


class Members:
    """`nodes` says who they are, through whom they are reached, and as whom; `alone` which of them can be dialled."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.alone: frozenset[str] = frozenset()

    def become(self, tls: ClientTLS) -> None:
        """Call as somebody else from now on."""
        self.nodes = replace(self.nodes, tls=tls)

    async def present(self) -> None:
        """Every node answers, and every node that is known of is named. Raises NotReady naming one that does not,
        Conflict naming one that was left out."""
        hosts = {}
        for name in self.nodes.names:
            try:
                hosts[name] = (await self._machine(name, _HOSTNAME, pb.HostnameResponse)).messages[0].hostname
            except RpcError as error:
                raise NotReady(
                    f"{name} does not answer: {error}", remedy="nothing goes on until every node of the cluster does"
                ) from None
        for endpoint in self.nodes.endpoints:
            answer = await self._directly(endpoint, self.nodes.tls)
            if answer is not None and answer not in hosts.values():
                raise _left_out(f"{answer}, which the endpoint {endpoint} leads to,")
        for name in self.nodes.names:
            for member in await self._list(name, _MEMBERS, MemberSpec):
                if member.hostname not in hosts.values():
                    raise _left_out(f"{member.hostname}, a member of the cluster by what {name} says,")
        self.alone = frozenset(
            [name for name in self.nodes.names if await self._directly(self._door(name), self.nodes.tls) is not None]
        )

    async def config(self, name: str) -> Config:
        """The machine config in force. Raises Conflict while it is another than what the next boot takes, RpcError."""
        active, stored = [await self._get(name, _CONFIG, id_, MachineConfigSpec) for id_ in ("v1alpha1", "persistent")]
        if active.yaml_marshalled != stored.yaml_marshalled:
            raise Conflict(
                f"{name} has a config on trial, or staged for its next boot", remedy="apply the one that is to stay"
            )
        return load(active.yaml_marshalled, f"the config of {name}")

    async def certificates(self, name: str) -> APICertsSpec:
        """What it says its door serves with and whom it lets in. Raises RpcError."""
        return await self._get(name, _CERTIFICATES, "api", APICertsSpec)

    async def trusts(self, name: str) -> dict[str, Trust]:
        """By which authorities its programs of Kubernetes were seen to go, by program. Raises RpcError."""
        request = state.ListRequest(namespace=_TRUSTS[0], type=_TRUSTS[1])

        async def ask(node: Node) -> dict[str, Trust]:
            call = node.stream("cosi.resource.State/List", request, state.ListResponse)
            return {found.resource.metadata.id: _trust(found.resource.spec.yaml_spec) async for found in call}

        return await self.nodes.one(name, ask)

    async def nodename(self, name: str) -> str:
        """What Kubernetes calls it. Raises RpcError."""
        return (await self._get(name, _NODENAME, "nodename", NodenameSpec)).nodename

    async def kubeconfig(self, name: str) -> bytes:
        """An administrator's, made anew by a control plane. Raises RpcError."""
        return await self.nodes.one(name, fetched)

    async def apply(self, name: str, text: bytes) -> None:
        """Put a config in force without a reboot; returns when it is stored. Raises RpcError."""
        request = pb.ApplyConfigurationRequest(data=text, mode=pb.ApplyConfigurationRequest.NO_REBOOT)

        async def ask(node: Node) -> None:
            await node.unary(_APPLY, request, pb.ApplyConfigurationResponse, APPLY_SECONDS)

        await self.nodes.one(name, ask)

    async def answers(self, name: str, tls: ClientTLS) -> None:
        """It answers who calls as that, through the endpoints. Raises RpcError."""

        async def ask(node: Node) -> None:
            await node.unary(_VERSION, Empty(), pb.VersionResponse, ASK_SECONDS)

        await replace(self.nodes, tls=tls).one(name, ask)

    async def admits(self, name: str, tls: ClientTLS) -> bool:
        """Whether its own door lets in who calls as that; True for one that cannot be dialled from here."""
        return name not in self.alone or await self._directly(self._door(name), tls) is not None

    def _door(self, name: str) -> str:
        """Where the node itself would be reached: endpoints may have ports."""
        return next((endpoint for endpoint in self.nodes.endpoints if without_port(endpoint) == name), name)

    async def _directly(self, host: str, tls: ClientTLS) -> str | None:
        """The host name of who answers there; None when nobody does."""
        async with Channel(with_port(host), tls, timeout=_DIAL_SECONDS) as channel:
            try:
                reply = await channel.unary(f"/{_HOSTNAME}", Empty(), pb.HostnameResponse, timeout=ASK_SECONDS)
            except RpcError:
                return None
        return reply.messages[0].hostname

    async def _machine(self, name: str, path: str, reply: type[M]) -> M:
        async def ask(node: Node) -> M:
            return await node.unary(path, Empty(), reply, ASK_SECONDS)

        return await self.nodes.one(name, ask)

    async def _get(self, name: str, kind: tuple[str, str], id_: str, spec: type[M]) -> M:
        request = state.GetRequest(namespace=kind[0], type=kind[1], id=id_)

        async def ask(node: Node) -> M:
            answer = await node.unary("cosi.resource.State/Get", request, state.GetResponse, ASK_SECONDS)
            return spec.FromString(answer.resource.spec.proto_spec)

        return await self.nodes.one(name, ask)

    async def _list(self, name: str, kind: tuple[str, str], spec: type[M]) -> Sequence[M]:
        request = state.ListRequest(namespace=kind[0], type=kind[1])

        async def ask(node: Node) -> list[M]:
            call = node.stream("cosi.resource.State/List", request, state.ListResponse)
            return [spec.FromString(answer.resource.spec.proto_spec) async for answer in call]

        return await self.nodes.one(name, ask)


def _left_out(who: str) -> Conflict:
    return Conflict(f"{who} is not among the nodes named", remedy="name every node of the cluster, or it is shut out")
