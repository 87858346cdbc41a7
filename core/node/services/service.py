"""What a service is, as data: the program, what it needs, how it is judged, what becomes of it when it ends."""

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.linux.process import ALL_CAPABILITIES, PATH, Limit
from core.node.containers.spec import Choices
from core.state import Pointer

ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": PATH}


class Operation(enum.Enum):
    """What a service may let operators do with it."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class Restart(enum.Enum):
    """What follows an end that nobody asked for."""

    FOREVER = enum.auto()
    UNTIL_SUCCESS = enum.auto()
    NEVER = enum.auto()


@dataclass(frozen=True, slots=True)
class Health:
    """`check` returns if all is well and raises IchorError, OSError or TimeoutError if not. It is asked every tenth of
    a second until it says yes; that it does not is told after `delay`, and from then on it is asked every `period`."""

    check: Callable[[], Awaitable[None]]
    delay: float = 1.0
    period: float = 5.0
    timeout: float = 2.5  # a busy machine is no sick one


@dataclass(frozen=True, slots=True)
class Condition:
    """A resource that must be there and, if `holds` says more, be so. `text` is what people read while it is not."""

    pointer: Pointer[Any]
    text: str
    holds: Callable[[Any], bool] = lambda spec: True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a container of a service is: an image by its name, and what is particular to it. The service itself says who
    it is (`uid`, `gid`), its `cgroup`, `limits` and `oom_score`."""

    image: str
    choices: Choices


@dataclass(frozen=True, slots=True)
class Service:
    """`after` are services that must be up first and are stopped later. All in `cgroup` belongs to the service and is
    killed with it unless it `leaves_children`. It is a program with `argv`, behind which is put what `prepare` answers,
    or a container with a `plan`, asked at each start, once the `image` is on the node if that is known before; with
    neither somebody else runs it and reports. `on_demand`: a boot does not start it; one that is not `awaited` is
    started, and a boot is over without it. What is `for_leaders` control planes alone run."""

    id: str
    argv: Sequence[str] = ()
    after: Sequence[str] = ()
    conditions: Sequence[Condition] = ()
    prepare: Callable[[], Awaitable[Sequence[str] | None]] | None = None
    image: Callable[[], str] | None = None
    plan: Callable[[], Awaitable[Plan]] | None = None
    health: Health | None = None
    restart: Restart = Restart.FOREVER
    delay: float = 5.0
    grace: float = 10.0
    uid: int = 0
    gid: int = 0
    cgroup: str = ""
    oom_score: int = 0
    capabilities: int = ALL_CAPABILITIES
    limits: Sequence[Limit] = ()
    env: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    leaves_children: bool = False
    same_process_as: str = ""  # the id whose process answers for this one too
    operations: frozenset[Operation] = frozenset()
    on_demand: bool = False
    awaited: bool = True
    for_leaders: bool = False

    @property
    def ours(self) -> bool:
        """Whether it is run from here."""
        return bool(self.argv) or self.plan is not None
