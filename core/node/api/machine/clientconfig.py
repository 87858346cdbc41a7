"""GenerateClientConfiguration: a client config with a new key and certificate, made by whoever holds the authority's
key. Roles are the table's; that by which nodes speak for others is never given to a person."""

from typing import Final

from core.base.errors import Invalid, NotReady, Unsupported
from core.base.text import printable
from core.config import client
from core.node import machineconfig
from core.node.node import Node
from core.node.resources.config import MachineConfig, MachineTypeSpec
from core.node.resources.secrets import OSRoot
from core.node.work import issue
from core.pki.roles import Role
from core.pki.types import AUTHORITY_LIFETIME, CLIENT_LIFETIME, Client, Pair
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary

_GIVEN: Final = frozenset(Role) - {Role.IMPERSONATOR}


def methods(node: Node) -> dict[str, Method]:
    """For machine.MachineService."""

    async def generate(
        ctx: Context, request: pb.GenerateClientConfigurationRequest
    ) -> pb.GenerateClientConfigurationResponse:
        return pb.GenerateClientConfigurationResponse(messages=[await make(node, request)])

    kinds = pb.GenerateClientConfigurationRequest, pb.GenerateClientConfigurationResponse
    return {"GenerateClientConfiguration": unary(generate, *kinds)}


async def make(node: Node, request: pb.GenerateClientConfigurationRequest) -> pb.GenerateClientConfiguration:
    """The message. Raises Unsupported on a worker, Invalid for roles or a lifetime that cannot be given."""
    machine = node.store.find(MachineTypeSpec.at("machine-type"))
    if machine is None or not machine.spec.machine_type.control_plane:
        raise Unsupported("only a control plane makes client configs")
    root, config = node.store.find(OSRoot.at("os")), node.store.find(MachineConfig.at(machineconfig.ACTIVE))
    if root is None or root.spec.issuing_ca is None or config is None:
        raise NotReady("the authority is not known yet")
    roles, lifetime = _roles(tuple(request.roles)), _lifetime(request)
    ca = Pair(root.spec.issuing_ca.crt, root.spec.issuing_ca.key)
    issued = await issue(node.work, Client(node.clock.now(), ca, roles, lifetime=lifetime))
    # all that are accepted, so that the config outlives the change from one to the next
    accepted = b"".join(authority.crt for authority in root.spec.accepted_cas)
    cluster = machineconfig.of(config).v1alpha1.cluster.cluster_name
    name = f"{roles[0].removeprefix('os:')}@{cluster}" if len(roles) == 1 else cluster
    context = client.Context(ca=accepted, crt=issued.crt, key=issued.key)
    made = client.save(client.ClientConfig(context=name, contexts={name: context}))
    return pb.GenerateClientConfiguration(ca=accepted, crt=issued.crt, key=issued.key, talosconfig=made)


def _roles(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, in order."""
    if not wanted:
        raise Invalid("no role is asked for", remedy=f"choose from {', '.join(sorted(_GIVEN))}")
    for role in wanted:
        if role not in _GIVEN:
            raise Invalid(
                f"there is no role {printable(role)} to give", remedy=f"choose from {', '.join(sorted(_GIVEN))}"
            )
    return tuple(dict.fromkeys(wanted))


def _lifetime(request: pb.GenerateClientConfigurationRequest) -> int:
    """Seconds. An authority's own end bounds it further."""
    if not request.HasField("crt_ttl"):
        return CLIENT_LIFETIME
    seconds = request.crt_ttl.seconds + request.crt_ttl.nanos / 1e9  # a timedelta ends long before what can be asked
    if seconds < 1:
        raise Invalid("crt_ttl must be positive")
    return int(min(seconds, AUTHORITY_LIFETIME))
