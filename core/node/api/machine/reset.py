"""Reset: what is to be wiped, made out of the request and of what is on this node, and refused before anything has
begun where it makes no sense or would cost the cluster its quorum. The sequence (core.node.lifecycle) does it."""

import asyncio
from functools import partial
from typing import Final

from core.base.errors import Conflict, Invalid, NotFound, NotReady, Unsupported
from core.cluster.etcd import leave
from core.node.controllers.block.system import SYSTEM
from core.node.lifecycle.sequence import Order
from core.node.node import Node
from core.node.resources.block import Disk, SystemDisk
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.service import Method, unary
from core.rpc.status import RpcError

_Mode = pb.ResetRequest
_DISK: Final = SystemDisk.at("system-disk")


def methods(node: Node) -> dict[str, Method]:
    """For machine.MachineService."""
    return {"Reset": unary(partial(reset, node), pb.ResetRequest, pb.ResetResponse)}


async def reset(node: Node, ctx: Context, request: pb.ResetRequest) -> pb.ResetResponse:
    """Answered when it has begun. Raises Invalid, NotFound, Unsupported for what cannot be wiped, Conflict where the
    node may not leave etcd (a graceful reset alone asks) or another sequence runs."""
    asked = await plan(node, request)
    if asked.graceful and asked.forgets:
        await _may_leave(node)
    running = node.lifecycle.start("reset", order=asked)
    return pb.ResetResponse(messages=[pb.Reset(actor_id=running.actor)])


async def plan(node: Node, request: pb.ResetRequest) -> Order:
    """What the request means on this node. Raises what `reset` does."""
    labels, disks = _labels(request), tuple(dict.fromkeys(request.user_disks_to_wipe))
    _consistent(request, labels, disks)
    system = node.store.find(_DISK)
    own = "" if system is None else system.spec.dev_path
    user = [await _disk(node, name, own) for name in disks]
    volumes = labels
    if request.mode != _Mode.USER_DISKS and not request.system_partitions_to_wipe:
        if own:
            user.append(own)  # all of it, with what others may have put there
        elif not node.capabilities.block:
            volumes = SYSTEM
    return Order(request.graceful, request.reboot, volumes, own, tuple(user))


def _labels(request: pb.ResetRequest) -> tuple[str, ...]:
    for spec in request.system_partitions_to_wipe:
        if spec.label not in SYSTEM:
            there = ", ".join(SYSTEM)
            raise NotFound(f"this node has no system partition {spec.label!r}", remedy=f"name some of {there}")
    asked = {spec.label for spec in request.system_partitions_to_wipe if spec.wipe}
    return tuple(name for name in SYSTEM if name in asked)


def _consistent(request: pb.ResetRequest, labels: tuple[str, ...], disks: tuple[str, ...]) -> None:
    if request.mode == _Mode.SYSTEM_DISK and disks:
        raise Invalid("wipe mode system-disk wipes no user disks", remedy="use mode all, or name none")
    if request.mode == _Mode.USER_DISKS and labels:
        raise Invalid("wipe mode user-disks wipes no system partitions", remedy="use mode all, or name none")
    if request.mode == _Mode.USER_DISKS and not disks:
        raise Invalid("no user disk is named", remedy="name those that are to be wiped")


async def _disk(node: Node, name: str, own: str) -> str:
    """The path of a user disk that may be wiped. What pods use of it they will have let go by then."""
    if not node.capabilities.block:
        raise Unsupported("a container node has no disks of its own")
    disks = [resource.spec for resource in node.store.list(Disk.all())]
    found = next((disk for disk in disks if name in (disk.dev_path, *disk.symlinks)), None)
    if found is None:
        there = ", ".join(disk.dev_path for disk in disks)
        raise NotFound(f"there is no disk {name}", remedy=f"name some of {there}")
    if found.dev_path == own:
        raise Invalid(f"{name} is the system disk", remedy="use wipe mode all or system-disk for that")
    users = await asyncio.to_thread(node.wiper.users, found.dev_path)
    if found.readonly or found.cdrom or users:
        why = f"{', '.join(users)} is made of it" if users else "it cannot be written"
        raise Invalid(f"{name} cannot be wiped: {why}")
    return found.dev_path


async def _may_leave(node: Node) -> None:
    """Raises Conflict, where others need this member. Nobody is to take a cluster without a majority for a node that
    reboots, so that is one too."""
    if not node.etcd.begun:
        return
    try:
        async with node.etcd.reach() as reach:
            await leave.check(node.etcd.local, node.etcd.own, reach)
    except (NotReady, RpcError) as error:
        remedy = "reset it with --graceful=false if the cluster is to be given up"
        raise Conflict(f"this node cannot leave etcd: {error}", remedy=remedy) from error
