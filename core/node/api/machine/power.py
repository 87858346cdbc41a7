"""Reboot and Shutdown: each starts a sequence and answers with the actor id its events will carry."""

import math
from typing import Final

from core.base.errors import Conflict, Invalid
from core.node.lifecycle.leaving import in_cluster
from core.node.lifecycle.sequence import Order
from core.node.node import Node
from core.rpc.context import Context
from core.rpc.pb.machine import machine_pb2 as pb

DRAIN: Final = "ichor-drain"  # metadata of a Reboot: seconds that pods have, and without which it does not happen
LONGEST: Final = 86400.0


async def reboot(node: Node, ctx: Context, request: pb.RebootRequest) -> pb.RebootResponse:
    """DEFAULT and POWERCYCLE end everything in order, FORCE goes straight to the kernel. Raises Invalid, and Conflict
    where there is nothing to be drained from."""
    patience = _patience(ctx.metadata.text(DRAIN))
    if patience and not in_cluster(node):
        raise Conflict("this node is in no cluster that could take its pods", remedy="reboot it without --drain")
    phase = _last(node, "reboot") if request.mode == pb.RebootRequest.FORCE and not patience else 0
    running = node.lifecycle.start("reboot", phase=phase, order=Order(patience=patience))
    return pb.RebootResponse(messages=[pb.Reboot(actor_id=running.actor)])


async def shutdown(node: Node, ctx: Context, request: pb.ShutdownRequest) -> pb.ShutdownResponse:
    """Power off; `force` does not wait for pods to go elsewhere."""
    running = node.lifecycle.start("shutdown", phase=1 if request.force else 0)
    return pb.ShutdownResponse(messages=[pb.Shutdown(actor_id=running.actor)])


def _patience(said: list[str]) -> float:
    if not said:
        return 0.0
    try:
        seconds = float(said[0])
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST:
        raise Invalid(f"{said[0]} s are no time for a drain", remedy="give it up to a day")
    return seconds


def _last(node: Node, name: str) -> int:
    return len(node.lifecycle.sequences[name].phases) - 1
