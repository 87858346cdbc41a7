"""Reboot and Shutdown: each starts a sequence and answers with the actor id its events will carry."""

from typing import Any

from core.node.node import Node
from core.rpc.pb.machine import machine_pb2 as pb


async def reboot(node: Node, ctx: Any, request: pb.RebootRequest) -> pb.RebootResponse:
    """DEFAULT and POWERCYCLE end everything in order, FORCE goes straight to the kernel."""
    phase = _last(node, "reboot") if request.mode == pb.RebootRequest.FORCE else 0
    running = node.lifecycle.start("reboot", phase=phase)
    return pb.RebootResponse(messages=[pb.Reboot(actor_id=running.actor)])


async def shutdown(node: Node, ctx: Any, request: pb.ShutdownRequest) -> pb.ShutdownResponse:
    """Power off; `force` does not wait for pods to go elsewhere."""
    running = node.lifecycle.start("shutdown", phase=1 if request.force else 0)
    return pb.ShutdownResponse(messages=[pb.Shutdown(actor_id=running.actor)])


def _last(node: Node, name: str) -> int:
    return len(node.lifecycle.sequences[name].phases) - 1
