"""What an upgrade is to change, judged by what the nodes' configs say: they are all there is to know of how far it has
come. Refuses ways that do not lead there, and flags that a program would not start with. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.base.errors import Conflict, Invalid, Unsupported
from core.cli.upgrading.components import COMPONENTS, KUBELET, PROXY, Component
from core.cluster.kubernetes import removed, upgrades
from core.cluster.kubernetes.upgrades import Version
from core.config.load import Config


class Member(NamedTuple):
    """A node: what Kubernetes calls it, and where it is."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Held:
    """A node, and the config that is in force on it."""

    member: Member
    config: Config


@dataclass(frozen=True, slots=True)
class Change:
    """A part of a node: its image, and the one that it is to have, which may be the same."""

    component: Component
    member: Member
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Plan:
    """From the lowest version that is run to `after`; `changes` in the order in which they are made. `pulls` are
    (node, namespace, image) of what is to be there before."""

    before: Version
    after: Version
    changes: tuple[Change, ...]
    pulls: tuple[tuple[Member, str, str], ...]

    @property
    def left(self) -> int:
        """How many are not made yet."""
        return sum(change.before != change.after for change in self.changes)


def make(held: Sequence[Held], after: Version, before: Version | None = None, *, kubelets: bool = True) -> Plan:
    """The plan for these nodes; `before` is what must run, where it does not run `after` already. Raises Invalid,
    Unsupported, Conflict."""
    parts = [part for part in COMPONENTS if kubelets or part is not KUBELET]
    changes = tuple(change for part in parts for change in _changes(part, held, after))
    if not any(change.component is not KUBELET for change in changes):
        raise Invalid("none of the nodes is a control plane")
    found = {change: upgrades.tagged(change.before) for change in changes}
    if before is not None:
        _all_at(found, before, after)
    _none_newer(found, after)
    # kubelets may be further behind than the control plane, and skip what it must not
    led = before or upgrades.lowest(version for change, version in found.items() if change.component is not KUBELET)
    upgrades.check(led, after)
    for one in held:
        if (version := upgrades.tagged(KUBELET.image(one.config))) is not None:
            upgrades.check_kubelet(version, after)
    if troubles := list(_unknown_flags(parts, held, after)):
        raise Invalid("\n".join(troubles))
    return Plan(before or upgrades.lowest(found.values()), after, changes, tuple(_pulls(changes, held)))


def _changes(part: Component, held: Sequence[Held], after: Version) -> Iterator[Change]:
    for one in held:
        if part.runs(one.config):
            image = part.image(one.config)
            there = upgrades.tagged(image) == after
            yield Change(part, one.member, image, image if there else upgrades.retagged(image, after))


def _all_at(found: dict[Change, Version | None], before: Version, after: Version) -> None:
    for change, version in found.items():
        if version not in (None, before, after):
            raise Conflict(f"{change.component.name} of {change.member.name} is {version}, not {before}")


def _none_newer(found: dict[Change, Version | None], after: Version) -> None:
    """An upgrade that was broken off has parts of the newer release, and data that the older one may not read."""
    for change, version in found.items():
        if version is not None and version.release > after.release:
            raise Unsupported(
                f"{change.component.name} of {change.member.name} is {version}, and no way leads back to {after}",
                remedy="go on to where it is",
            )


def _unknown_flags(parts: Sequence[Component], held: Sequence[Held], after: Version) -> Iterator[str]:
    for part in parts:
        for one in held:
            if part.runs(one.config):
                for flag in removed.flags(part.name, after.release, part.told(one.config)):
                    where = ".".join((*part.place, "extraArgs"))
                    yield f"{one.member.name}: {part.name} {after} knows no --{flag}; take it out of {where}"


def _pulls(changes: Sequence[Change], held: Sequence[Held]) -> Iterator[tuple[Member, str, str]]:
    """A manifest is of all nodes, so its image is."""
    wanted = dict[tuple[Member, str, str], None]()
    for change in changes:
        if change.before != change.after:
            members = [one.member for one in held] if change.component is PROXY else [change.member]
            for member in members:
                wanted[member, change.component.namespace, change.after] = None
    yield from wanted
