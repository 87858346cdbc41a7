"""The services of a node. Our own daemons are run and judged by the spawner; containerd is run from here."""

from collections.abc import Callable

from core.base.clock import Clock
from core.node.resources.block import MountStatus
from core.node.services import containerd
from core.node.services.service import Condition, Service


def services(
    clock: Clock, settings: containerd.Settings, *others: Service, auths: Callable[[], containerd.Auths] = dict
) -> list[Service]:
    """All that this node can have; `others` come from elsewhere. `auths` are what registries want to hear."""
    storage = Condition(MountStatus.at("EPHEMERAL"), "/var")
    return [
        Service("spawner"),
        Service("machined"),
        Service("apid", cgroup="system/apid"),
        Service("trustd", cgroup="system/trustd"),
        containerd.service(clock, settings, storage, auths=auths),
        Service("cri", same_process_as="containerd"),
        *others,
    ]
