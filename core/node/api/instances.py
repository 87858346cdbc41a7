"""Which of containerd's namespaces a request means. One containerd does what clients know as two (`containerd`, `cri`),
so an instance and a namespace of theirs name one namespace of ours."""

from typing import Final

from core.base.errors import Invalid
from core.node.containers.client import NAMESPACES
from core.rpc.pb.common import common_pb2

SYSTEM, INMEM, PODS = NAMESPACES
_OF: Final = {
    (common_pb2.CONTAINERD, common_pb2.NS_SYSTEM): INMEM,
    (common_pb2.CRI, common_pb2.NS_SYSTEM): SYSTEM,
    (common_pb2.CRI, common_pb2.NS_CRI): PODS,
}


def of_instance(instance: common_pb2.ContainerdInstance) -> str:
    """The namespace of a pair of driver and namespace. Raises Invalid."""
    name = _OF.get((instance.driver, instance.namespace))
    if name is None:
        raise Invalid("this driver has no such namespace", remedy="ask for system, inmem or cri")
    return name


def of_namespace(namespace: int) -> str:
    """The namespace that the legacy calls mean. Raises Invalid."""
    if namespace not in (common_pb2.NS_SYSTEM, common_pb2.NS_CRI):
        raise Invalid("this is no namespace of images", remedy="ask for system or cri")
    return PODS if namespace == common_pb2.NS_CRI else SYSTEM


def named(name: str) -> str:
    """A namespace given by its own name. Raises Invalid."""
    if name not in NAMESPACES:
        raise Invalid(f"{name!r} is no namespace of containers", remedy=f"there are {', '.join(NAMESPACES)}")
    return name
