"""Bootstrap and EtcdRecover: how a cluster begins, from nothing or from a snapshot that was sent before. Whether it may
is decided by everybody's word (core.cluster.etcd.bootstrap); here is who is asked, and what clients are told."""

import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from core.base import offload
from core.base.errors import AlreadyExists, Conflict, Invalid, NotReady
from core.base.files import write_all
from core.cluster.etcd import bootstrap as cluster
from core.node.etcd.hosts import electorate
from core.node.etcd.tool import SNAPSHOT, USER
from core.node.node import Node
from core.node.resources.time import TimeStatus
from core.node.services import etcd
from core.rpc.context import Context
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, client_stream, unary
from core.rpc.status import Code, RpcError

SILENT: Final = "ichor-silent"  # trailing metadata: a control plane that was not heard, and why


def methods(node: Node) -> dict[str, Method]:
    """For machine.MachineService."""
    return {
        "Bootstrap": unary(partial(bootstrap, node), pb.BootstrapRequest, pb.BootstrapResponse),
        "EtcdRecover": client_stream(partial(recover, node), common_pb2.Data, pb.EtcdRecoverResponse),
    }


async def bootstrap(node: Node, ctx: Context, request: pb.BootstrapRequest) -> pb.BootstrapResponse:
    """Answered when this node is the one that begins, not when etcd is up. Raises Unsupported on a worker,
    AlreadyExists where there are data, Conflict where another has some, or bootstraps, or nobody can know."""
    node.etcd.check()
    _in_time(node)
    source = ""
    if request.recover_etcd:
        if not SNAPSHOT.exists():
            raise Conflict("there is no snapshot to recover from", remedy="send one first")
        source = str(SNAPSHOT)
    try:
        local = node.etcd.local
        async with node.etcd.reach() as reach:
            reach.hosts, unheard = await electorate(node.etcd.hosts, reach, local.me.name)
            silent = await cluster.bootstrap(
                local, reach, node.clock, source=source, trusted=request.recover_skip_hash_check
            )
        node.services.start(etcd.ID)
    except NotReady as error:  # clients take `unavailable` for a node that reboots, and would ask again and again
        raise RpcError(Code.FAILED_PRECONDITION, f"bootstrap is not available yet: {error}") from error
    ctx.set_trailing([(SILENT, each) for each in (*silent, *unheard)])
    return pb.BootstrapResponse(messages=[pb.Bootstrap()])


async def recover(node: Node, ctx: Context, requests: AsyncIterator[common_pb2.Data]) -> pb.EtcdRecoverResponse:
    """Keep a snapshot for a Bootstrap that asks for it; the one before stays until this one is whole."""
    node.etcd.check()
    if node.etcd.local.has_data:
        raise AlreadyExists("this node has etcd's data", remedy="reset the node to give them up")
    whole = SNAPSHOT.with_suffix(".part")
    fd = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        async for piece in requests:
            await offload.call(write_all, fd, piece.bytes)
        if not os.fstat(fd).st_size:
            raise Invalid("no snapshot was sent")
        os.fchown(fd, USER, USER)
        await offload.call(os.fsync, fd)
    except BaseException:
        whole.unlink()
        raise
    finally:
        os.close(fd)
    whole.rename(SNAPSHOT)
    return pb.EtcdRecoverResponse(messages=[pb.EtcdRecover()])


def _in_time(node: Node) -> None:
    time = node.store.find(TimeStatus.at("node"))
    if time is None or not (time.spec.synced or time.spec.sync_disabled):
        raise Conflict("time is not in sync yet")
