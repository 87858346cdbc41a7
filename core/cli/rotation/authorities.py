"""Where a cluster stands in the exchange of its API's authority, judged by its nodes' configs alone, and what a config
is to say next. A new authority's name says which one it follows, so that no file has to remember what is under way and
an authority that the operator accepts for reasons of his own is never taken for a step of it. No I/O."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.base.errors import Conflict, Invalid
from core.codec.yaml import dump_all
from core.config.load import Config, load
from core.pki import der, pem
from core.pki.lineage import identity
from core.pki.types import Algorithm, Authority, Pair

__all__ = [
    "Held",
    "Part",
    "Standing",
    "accepting",
    "follows",
    "identity",
    "judge",
    "successor",
    "switched",
    "without",
    "written",
]

_MARK: Final = "after "


class Part(StrEnum):
    """Whose authority it is, by the config's section: the nodes' own API's, or Kubernetes'."""

    API = "machine"
    KUBERNETES = "cluster"


@dataclass(frozen=True, slots=True)
class Held:
    """What one node's config says in a section: `own` is its `ca` (a worker's without a key), with what vouches for it
    behind it; `accepted` its `acceptedCAs`."""

    node: str
    leads: bool
    own: Pair
    accepted: tuple[bytes, ...]

    @classmethod
    def of(cls, node: str, config: Config, part: Part = Part.API) -> "Held":
        """Of a machine config."""
        said = config.v1alpha1.machine if part is Part.API else config.v1alpha1.cluster
        own = Pair(said.ca.crt, said.ca.key) if said.ca is not None else Pair(b"", b"")
        return cls(node, config.is_control_plane, own, tuple(ca.crt for ca in said.accepted_cas))

    @property
    def trusted(self) -> dict[str, bytes]:
        """Every authority it believes, by identity."""
        return {identity(crt): crt for crt in (*self.accepted, self.own.crt) if crt}


@dataclass(frozen=True, slots=True)
class Standing:
    """From `old` to `new`, which is not made yet where it is None; `stale` are identities of new ones whose making was
    broken off before a node held the key."""

    old: bytes
    new: Pair | None
    stale: frozenset[str]

    @property
    def begun(self) -> bool:
        """Whether it is under way, and not before it or behind it."""
        return self.new is not None or bool(self.stale)

    @property
    def gone(self) -> frozenset[str]:
        """Whom nobody is to believe in the end."""
        return self.stale | {identity(self.old)}


def follows(crt: bytes) -> str:
    """The identity of the authority that this one was made to replace; empty for one that was not made so."""
    name = der.read(pem.certificates(crt)[0]).common_name
    return name.removeprefix(_MARK) if name.startswith(_MARK) else ""


def successor(old: bytes, algorithm: Algorithm, now: float) -> Authority:
    """The job of making the one that follows."""
    organization = next(iter(der.read(pem.certificates(old)[0]).organizations), "")
    return Authority(now, algorithm, organization, _MARK + identity(old))


def judge(held: Sequence[Held]) -> Standing:
    """Raises Invalid without a control plane, Conflict when they are at odds in a way that no exchange leaves."""
    issuing = {identity(one.own.crt): one.own for one in held if one.leads}
    trusted = {known: crt for one in held for known, crt in one.trusted.items()}
    if not issuing:
        raise Invalid("none of the nodes is a control plane", remedy="name every node of the cluster")
    begun = [pair for pair in issuing.values() if follows(pair.crt) in (trusted if len(issuing) == 1 else issuing)]
    if len(issuing) > 2 or (len(issuing) == 2 and len(begun) != 1):
        raise Conflict(
            "the control planes issue with different authorities, and none was made to follow the other",
            remedy="give them one `ca` by `ichorctl apply-config`",
        )
    new = begun[0] if begun else None
    old = trusted[follows(new.crt)] if new else next(iter(issuing.values())).crt
    ends = {identity(old)} | ({identity(new.crt)} if new else set())
    return Standing(old, new, frozenset(_left_over(trusted, ends)))


def _left_over(trusted: Mapping[str, bytes], ends: set[str]) -> Iterable[str]:
    return (known for known, crt in trusted.items() if known not in ends and follows(crt) in ends)


def accepting(held: Held, new: bytes) -> Held:
    """The node believes the new one too."""
    if identity(new) in held.trusted:
        return held
    return Held(held.node, held.leads, held.own, (*held.accepted, pem.first(new)[0]))


def switched(held: Held, new: Pair, old: bytes) -> Held:
    """The node's own is the new one; it still believes the old one."""
    accepted = tuple(crt for crt in held.accepted if identity(crt) not in (identity(new.crt), identity(old)))
    own = new if held.leads else Pair(pem.first(new.crt)[0], b"")
    return Held(held.node, held.leads, own, (*accepted, pem.first(old)[0]))


def without(held: Held, gone: frozenset[str]) -> Held:
    """The node believes none of these any more."""
    return Held(held.node, held.leads, held.own, tuple(crt for crt in held.accepted if identity(crt) not in gone))


def written(config: Config, held: Held, part: Part = Part.API) -> bytes:
    """The config's text with just that changed. Raises ConfigErrors."""
    trees = [dict(document.tree) for document in config.documents]
    main = next(n for n, document in enumerate(config.documents) if not document.kind)
    section = trees[main].get(part.value)
    changed = dict(section) if isinstance(section, dict) else {}
    own = {"crt": held.own.crt, "key": held.own.key}
    changed["ca"] = {part: _text(data) for part, data in own.items() if data}
    changed.pop("acceptedCAs", None)
    if held.accepted:
        changed["acceptedCAs"] = [{"crt": _text(crt)} for crt in held.accepted]
    trees[main][part.value] = changed
    return load(dump_all(trees), config.name).text


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
