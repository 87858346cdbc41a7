"""Everything that machined answers to apid, put together: the services of this API by name."""

from functools import partial

from core.node.api import access, clock, debug, disks, health, images, inspect, later, machine, recovery
from core.node.api.machine import containers, mounts
from core.node.api.state import State
from core.node.containers.client import SOCKET, Containerd
from core.node.node import Node
from core.rpc.client import Channel
from core.rpc.service import Service


def services(node: Node) -> list[Service]:
    """The services over this node."""
    containerd = Containerd(Channel(SOCKET), node.clock)
    stored = images.Images(containerd)
    return [
        machine.service(node, {**containers.Containers(containerd).methods(), **stored.methods()}),
        stored.service(),
        debug.Debug(containerd).service(),
        mounts.storage(),
        State(node.store, partial(access.roles, node.store), node.runtime.rested).service(),
        disks.service(node.store),
        health.service(node),
        inspect.service(node.runtime),
        recovery.Recovery(node).service(),
        clock.TimeService(node.store, node.clock).service(),
        *later.services(),
    ]
