"""Having a node's pods go elsewhere before it goes, through the cluster's own API, as its administrator. The node does
that by itself as well, but not for as long, and it goes all the same; here it stays where some pod may not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.base.errors import NotReady
from core.cli import kubeconfig
from core.cli.output import note
from core.cli.target import Node
from core.cluster.kubernetes import draining
from core.cluster.kubernetes import kubeconfig as access
from core.cluster.kubernetes.client import Kubernetes
from core.rpc.pb.common import common_pb2
from core.rpc.pb.resource.definitions.k8s.k8s_pb2 import NodenameSpec
from core.rpc.pb.v1alpha1 import state_pb2 as state

OPEN_SECONDS: Final = 300.0  # for an API server that has just been rebooted itself
_AGAIN: Final = 1.0
_NAME: Final = state.GetRequest(namespace="k8s", type="Nodenames.kubernetes.talos.dev", id="nodename")


@asynccontextmanager
async def drained(node: Node, seconds: float, *, returns: bool) -> AsyncIterator[None]:
    """For the block the node is closed, and its pods are elsewhere. It is opened again when it `returns` by the end of
    the block, or when the block fails, unless somebody had closed it before. Raises NotReady when pods stay."""
    # asked of the endpoint, as workers have no such thing
    archive = Node(node.name, node.channel, ()).stream("machine.MachineService/Kubeconfig", Empty(), common_pb2.Data)
    found = kubeconfig.unpacked(b"".join([message.bytes async for message in archive]))
    answer = await node.unary("cosi.resource.State/Get", _NAME, state.GetResponse)
    name = NodenameSpec.FromString(answer.resource.spec.proto_spec).nodename
    async with access.connect(found) as kubernetes:
        closed = await draining.close(kubernetes, name)
        try:
            note(f"{node.name}: closed, its pods go elsewhere")
            left = await draining.drain(kubernetes, name, seconds, SystemClock())
            if left:
                raise NotReady(f"pods stay on {name}: {', '.join(left)}", remedy="give them more --drain-timeout")
            yield
        except BaseException:
            if closed:
                await _opened(kubernetes, name)
            raise
        if closed and returns:
            await _opened(kubernetes, name)
        elif closed:
            note(f"{node.name}: stays closed until `kubectl uncordon {name}`")


async def _opened(kubernetes: Kubernetes, name: str) -> None:
    async with asyncio.timeout(OPEN_SECONDS):
        while True:
            try:
                return await draining.reopen(kubernetes, name)
            except NotReady:
                await asyncio.sleep(_AGAIN)
