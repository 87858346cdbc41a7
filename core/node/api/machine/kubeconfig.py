"""Kubeconfig: an administrator's kubeconfig with a new key and certificate, as a tar with the one file in it."""

import gzip
import stat
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

from google.protobuf.empty_pb2 import Empty

from core.base.errors import NotReady, Unsupported
from core.cluster.kubernetes.access import Access, kubeconfig
from core.codec import tar
from core.codec.member import Member
from core.node import machineconfig
from core.node.node import Node
from core.node.resources.config import MachineConfig, MachineTypeSpec
from core.node.resources.secrets import KubernetesRoot
from core.node.work import issue
from core.pki.types import KUBERNETES_LIFETIME, Client, Pair
from core.rpc.context import Context
from core.rpc.pb.common import common_pb2
from core.rpc.service import Method, server_stream

FILE: Final = "kubeconfig"
_USER: Final = "admin"
_ADMINISTRATORS: Final = "system:masters"


def methods(node: Node) -> dict[str, Method]:
    """What is served from here."""
    return {"Kubeconfig": server_stream(partial(send, node), Empty, common_pb2.Data)}


async def send(node: Node, ctx: Context, request: Empty) -> AsyncGenerator[common_pb2.Data]:
    """The archive, gzip'd, in one message."""
    made = await make(node)
    member = Member(FILE, stat.S_IFREG | 0o600, data=made, mtime=int(node.clock.now()))
    yield common_pb2.Data(bytes=gzip.compress(tar.pack([member]), mtime=0))


async def make(node: Node) -> bytes:
    """The file. Raises Unsupported on a worker, NotReady before the node knows the authority."""
    machine = node.store.find(MachineTypeSpec.at("machine-type"))
    if machine is None or not machine.spec.machine_type.control_plane:
        raise Unsupported("only a control plane makes kubeconfigs", remedy="ask one")
    found, config = node.store.find(KubernetesRoot.at("k8s")), node.store.find(MachineConfig.at(machineconfig.ACTIVE))
    if found is None or config is None:
        raise NotReady("the authority of Kubernetes is not known yet")
    root = found.spec
    ca = Pair(root.issuing_ca.crt, root.issuing_ca.key)
    wanted = machineconfig.of(config).v1alpha1.cluster.admin_kubeconfig.cert_lifetime
    lifetime = KUBERNETES_LIFETIME if wanted is None else max(1, int(wanted))
    issued = await issue(node.work, Client(node.clock.now(), ca, (_ADMINISTRATORS,), _USER, lifetime))
    authorities = b"".join(authority.crt for authority in root.accepted_cas)
    return kubeconfig(Access(root.name, root.endpoint, authorities, _USER, issued.crt, issued.key))
