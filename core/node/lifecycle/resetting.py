"""How a node stops being who it was: out of etcd, out of what the others know, its disks wiped. What is asked for is in
the running sequence (`Order`), so that the next machined goes on with it."""

import asyncio
import logging
from functools import partial
from typing import Final

from core.cluster.etcd import leave
from core.node.controllers.cluster import Exchange
from core.node.etcd.place import SPEC
from core.node.lifecycle.sequence import Order
from core.node.node import Node
from core.node.resources.block import VolumePhase, VolumeStatus
from core.node.resources.runtime import MachineResetSignal
from core.node.services import etcd
from core.node.waiting import torn_down, until
from core.state import Resource

KNOWN_SECONDS: Final = 30.0  # until the next machined knows where etcd is
GOODBYE_SECONDS: Final = 5.0  # those who are not reached forget the node by themselves
_REMEMBER: Final = ("STATE", "EPHEMERAL")  # where the journal and the data of etcd are
_LOOKED_AT: Final = (VolumePhase.READY, VolumePhase.MISSING, VolumePhase.LOCATED, VolumePhase.FAILED)
_SIGNAL: Final = MachineResetSignal.at("machine")
_LOG: Final = logging.getLogger("lifecycle")


async def leave_etcd(node: Node) -> None:
    """No member any more, if this node was one; the last one may go too, because its data were given up by name. Raises
    Conflict where those who stay would be no majority, NotReady where nobody can know: then nothing has changed."""
    await node.runtime.rested()
    async with asyncio.timeout(KNOWN_SECONDS):
        for volume in _REMEMBER:  # in the next machined: one that is not mounted yet is no sign of a node without etcd
            await until(node.store, VolumeStatus.at(volume), lambda status: status.phase in _LOOKED_AT)
        if not node.etcd.begun:
            return
        await until(node.store, SPEC, lambda _: True)
    stop = partial(node.services.stop, etcd.ID)
    async with node.etcd.reach() as reach:
        await leave.leave(node.etcd.local, node.etcd.own, reach, stop, node.clock, last=True)
    _LOG.info("this node has left etcd")


async def say_goodbye(node: Node) -> None:
    """The others know that this node is none of them any more. Raises TimeoutError when some could not be told."""
    await node.runtime.rested()
    if node.store.find(_SIGNAL) is None:
        node.store.create(Resource.of(_SIGNAL.id, MachineResetSignal()))
        # held for the one who is to act on it, so that "not seen yet" is never taken for "done"
        node.store.hold(_SIGNAL, Exchange.name)
    async with asyncio.timeout(GOODBYE_SECONDS):
        await torn_down(node.store, _SIGNAL)


async def wipe_volumes(node: Node) -> None:
    """Raises a group of OSError and NotFound: what could be wiped is, and the machine ends all the same."""
    reset = _asked(node)
    if reset.volumes:
        await node.wiper.volumes(reset.volumes, reset.disk)
        _LOG.info("wiped %s", ", ".join(reset.volumes))


async def wipe_disks(node: Node) -> None:
    """Likewise."""
    reset = _asked(node)
    if reset.disks:
        await node.wiper.disks(reset.disks)
        _LOG.info("wiped %s", ", ".join(reset.disks))


def _asked(node: Node) -> Order:
    running = node.lifecycle.current
    return Order() if running is None else running.order
