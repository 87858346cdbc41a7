"""The machine config as controllers read it: bytes of the resource, parsed once however many ask."""

from collections.abc import Iterator
from functools import lru_cache

from core.config.load import Config, load
from core.node.resources.config import MachineConfig
from core.state import Resource

ACTIVE = "v1alpha1"


@lru_cache(maxsize=4)
def parsed(data: bytes) -> Config:
    """The typed config. What reaches the store has been validated, so this does not fail for a resource's bytes."""
    return load(data)


def of(resource: Resource[MachineConfig]) -> Config:
    """The typed config of a MachineConfig resource."""
    return parsed(resource.spec.yaml_marshalled)


def shared_addresses(config: Config) -> Iterator[str]:
    """Those that wander between control planes."""
    for interface in config.v1alpha1.machine.network.interfaces:
        for vip in (interface.vip, *(vlan.vip for vlan in interface.vlans)):
            if vip is not None and vip.ip:
                yield vip.ip
