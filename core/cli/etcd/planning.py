"""Who begins a cluster anew that lost its quorum, and who gives his data up: a function of what the control planes said
and of whom an operator declared lost. Owns whether a plan may be made at all; refuses to pass over anybody whom nobody
heard and nobody declared lost. Calls nobody."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.base.errors import Conflict, Invalid, NotReady


@dataclass(frozen=True, slots=True)
class Host:
    """A control plane as itself or another knows it: by name ("" if it is not known), by addresses."""

    name: str
    addresses: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        """All that it may be called."""
        return self.addresses | {self.name} if self.name else self.addresses

    def __str__(self) -> str:
        return self.name or ", ".join(sorted(self.addresses))


@dataclass(frozen=True, slots=True)
class Report:
    """What one control plane has of etcd: its member's id and cluster, the newest revision in its database."""

    name: str
    cluster: int
    member: int
    revision: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Who begins the new cluster; who loses older data and joins anew; who is not there (name to why)."""

    survivor: Report
    wiped: Sequence[Report]
    lost: Mapping[str, str]

    def __str__(self) -> str:
        kept = self.survivor
        lines = [f"{kept.name} begins a new cluster with its data, up to revision {kept.revision}"]
        for each in self.wiped:
            behind = kept.revision - each.revision
            how = f"{behind} revisions behind" if behind else "no newer"
            lines.append(f"{each.name} is wiped and joins anew: revision {each.revision}, {how}")
        for name, why in self.lost.items():
            lines.append(f"{name} is given up ({why}): what it alone knew is lost; it joins anew when it is back")
        return "\n".join(lines)


def plan(reports: Sequence[Report], silent: Mapping[str, str], lost: Collection[str]) -> Plan:
    """Of what every control plane with data said. Whoever is `silent` (name to why) must have been declared `lost` by
    an operator: it may know more, or serve. Raises Conflict, or NotReady when nobody has data."""
    unsaid = [f"{name} ({why})" for name, why in silent.items() if name not in lost]
    if unsaid:
        raise Conflict(f"silent: {', '.join(unsaid)}", remedy="bring them back, or declare them lost")
    if not reports:
        raise NotReady("no control plane has data of etcd", remedy="bootstrap from a snapshot")
    clusters = {each.cluster for each in reports}
    if len(clusters) > 1:
        named = ", ".join(f"{each.name} of {each.cluster:016x}" for each in reports)
        raise Conflict(f"these are {len(clusters)} clusters: {named}", remedy="reset those that are to join")
    newest, *older = sorted(reports, key=lambda each: (-each.revision, each.name))
    return Plan(newest, older, dict(silent))


def silent(heard: Collection[Host], known: Iterable[Host], asked: Mapping[str, str]) -> dict[str, tuple[Host, str]]:
    """Every control plane that nobody heard, by how it is called here, with why: whom those who were `heard` know, and
    whoever was `asked` in vain (as a person called it, to what was answered)."""
    left = dict(asked)
    found: list[tuple[Host, str]] = []
    for host in _merged(known):
        if any(host.words & each.words for each in heard):
            continue
        said = [left.pop(word) for word in sorted(host.words) if word in left]
        found.append((host, said[0] if said else "it was not asked"))
    found += [(Host(word, frozenset()), why) for word, why in left.items()]
    return {str(host): (host, why) for host, why in found}


def declared(
    lost: Iterable[str], heard: Collection[Host], unheard: Mapping[str, tuple[Host, str]], asked: Collection[str]
) -> set[str]:
    """Which of the `unheard` are `lost`, by any of their names. Raises Conflict for one who is not lost, and Invalid
    for one whom nobody knows: a slip of the pen must not stand for consent."""
    names = set()
    for word in lost:
        if any(word in each.words for each in heard) or (word in asked and word not in unheard):
            raise Conflict(f"{word} answers, so it is not lost")
        found = {name for name, (host, _) in unheard.items() if word in host.words}
        if not found:
            raise Invalid(f"no control plane is called {word}", remedy=f"these are silent: {', '.join(unheard)}")
        names |= found
    return names


def _merged(known: Iterable[Host]) -> list[Host]:
    """Each once, those with a name before those that are an address alone."""
    found: list[Host] = []
    for host in sorted(known, key=lambda each: (not each.name, each.name, sorted(each.addresses))):
        same = next((each for each in found if each.words & host.words), None)
        if same is None:
            found.append(host)
        else:
            found[found.index(same)] = Host(same.name or host.name, same.addresses | host.addresses)
    return found
