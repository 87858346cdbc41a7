"""Everything that machined answers to apid, put together: the services of this API by name."""

from functools import partial

from core.node.api import access, clock, disks, health, inspect, later, machine
from core.node.api.machine import mounts
from core.node.api.state import State
from core.node.node import Node
from core.rpc.service import Service


def services(node: Node) -> list[Service]:
    """The services over this node."""
    return [
        machine.service(node),
        mounts.storage(),
        State(node.store, partial(access.roles, node.store), node.runtime.rested).service(),
        disks.service(node.store),
        health.service(node),
        inspect.service(node.runtime),
        clock.TimeService(node.store, node.clock).service(),
        *later.services(),
    ]
