"""Calls about etcd: how it does, who is in it, and how a cluster begins. Control planes alone have them."""

from core.node.api.machine.etcd import bootstrap, members, upkeep
from core.node.node import Node
from core.rpc.service import Method

__all__ = ["methods"]


def methods(node: Node) -> dict[str, Method]:
    """For machine.MachineService."""
    return {**bootstrap.methods(node), **members.methods(node.etcd, node.services), **upkeep.methods(node.etcd)}
