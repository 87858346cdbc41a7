"""The services of a node. Our own daemons are run and judged by the spawner; containerd is run from here."""

from core.base.clock import Clock
from core.node.services import containerd
from core.node.services.service import Condition, Service


def services(clock: Clock, settings: containerd.Settings, *storage: Condition) -> list[Service]:
    """All that this node can have; `storage` is what containerd's folder needs before it can be written."""
    return [
        Service("machined"),
        Service("apid"),
        containerd.service(clock, settings, *storage),
        Service("cri", same_process_as="containerd"),
    ]
