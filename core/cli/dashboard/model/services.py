"""A node's services, each with its state in the words that a person reads."""

from dataclasses import dataclass, field
from typing import Final

from core.base.text import printable
from core.rpc.pb.machine import machine_pb2 as pb

_GONE: Final = frozenset(("Failed", "Finished"))


@dataclass(frozen=True, slots=True)
class Service:
    """One of them. `since` is Unix seconds by the node's clock, 0 if nobody knows."""

    id: str
    state: str
    health: str  # "healthy", "unhealthy" or nothing when nobody looks
    since: int
    message: str

    @property
    def troubled(self) -> bool:
        """Does it need somebody to look at it?"""
        return self.state == "Failed" or (self.health == "unhealthy" and self.state not in _GONE)

    @classmethod
    def of(cls, info: pb.ServiceInfo) -> "Service":
        health = "" if info.health.unknown else "healthy" if info.health.healthy else "unhealthy"
        last = info.events.events[-1] if info.events.events else pb.ServiceEvent()
        said = last.msg if not info.health.last_message or health != "unhealthy" else info.health.last_message
        return cls(printable(info.id), printable(info.state), health, last.ts.ToSeconds(), printable(said))


@dataclass(slots=True)
class Services:
    """All of them, those in trouble first."""

    found: list[Service] = field(default_factory=list)

    def take(self, message: pb.ServiceList) -> None:
        """What the node says of all."""
        self.found = sorted(map(Service.of, message.services), key=lambda service: (not service.troubled, service.id))

    @property
    def troubled(self) -> int:
        return sum(service.troubled for service in self.found)
