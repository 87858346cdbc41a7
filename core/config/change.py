"""What one config in another's place would do, before it is done: which keys change and what follows of it by the table
of `core.config.effects`, and the difference of the texts without their secrets. A node tells it of a dry run, as text
or, to who asks for it with KEY in the call's metadata, as JSON."""

import difflib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from core.codec.yaml import Node, Path
from core.config.effects import EFFECTS, Effect
from core.config.kinds import Field, Keys, List, Map, Plan
from core.config.load import PLAN, Config
from core.config.problems import dotted
from core.config.redact import STARS, redact
from core.config.schema.root import V1Alpha1
from core.config.support import above, supports, touches, unsupported

KEY: Final = "ichor-plan"
JSON: Final = "json"
_KEPT: Final = Effect("is kept and not acted on yet")


class Change(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A key whose value changes. `acts`: the node does something about it; `next_boot`: some of it only then."""

    path: str
    what: str
    acts: bool = True
    next_boot: bool = False


class Difference(msgspec.Struct, frozen=True, rename="camel"):
    """What would follow of a config: `changes` in the order of the schema; `services` that end or start and
    `certificates` that are issued anew; `reboot`, whether applying it in mode auto reboots the node; `unused`, every
    key of the new config that the node does not act on; `diff`, unified, empty when nothing changes or nobody asked."""

    changes: tuple[Change, ...] = ()
    services: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    reboot: bool = False
    unused: tuple[str, ...] = ()
    diff: str = ""

    @property
    def next_boot(self) -> tuple[str, ...]:
        """Keys that take effect in whole at the next boot alone."""
        return tuple(change.path for change in self.changes if change.next_boot)


def difference(before: Config | None, after: Config) -> Difference:
    """From the config in force, None when there is none, to another, with the difference of the texts."""
    return msgspec.structs.replace(consequences(before, after), diff=_diff(before, after))


def consequences(before: Config | None, after: Config) -> Difference:
    """The same without the texts, whose difference is much work where they are long. No key needs a reboot to be
    applied: what a running node cannot take back waits for the next boot, and is told."""
    old = before.v1alpha1 if before is not None else V1Alpha1()
    found = [*_changed(PLAN, old, after.v1alpha1, (0,), ""), *_own(before, after)]
    effects = [_effect(pattern) for _, pattern, _ in found]
    return Difference(
        changes=tuple(_change(path, effect, lost) for (path, _, lost), effect in zip(found, effects, strict=True)),
        services=_each(name for effect in effects for name in effect.services),
        certificates=_each(name for effect in effects for name in effect.certificates),
        unused=tuple(unsupported(after)),
    )


def told(found: Difference) -> str:
    """It as lines for people, the difference of the texts last."""
    if not found.diff:
        return "No changes.\n"
    waiting = ", ".join(found.next_boot)
    lines = [
        *(f"  {change.path}: {change.what}" for change in found.changes),
        f"Certificates issued anew: {', '.join(found.certificates) or 'none'}",
        f"Services that end or start: {', '.join(found.services) or 'none'}",
        f"Reboot: none{f'; some of {waiting} waits for the next boot' if waiting else ''}",
    ]
    return "Changes:\n" + "".join(f"{line}\n" for line in lines) + f"\n{found.diff}"


def _change(path: Path, effect: Effect, lost: bool) -> Change:
    waits = effect.lasting and lost
    what = f"{effect.what}; what goes or changes stays until the next boot" if waits else effect.what
    return Change(dotted(path), what, effect is not _KEPT, waits)


def _effect(pattern: str) -> Effect:
    return next((EFFECTS[path] for path in above(pattern) if path in EFFECTS), _KEPT)


def _each(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _changed(plan: Plan, before: Any, after: Any, path: Path, pattern: str) -> Iterator[tuple[Path, str, bool]]:
    """(path, pattern, whether something that was there goes or changes) of the highest keys that say it."""
    if before == after:
        return
    if pattern and (supports(pattern) or not touches(pattern)):
        yield path, pattern, _lost(before, after)
    elif isinstance(plan, Keys):
        for key, field in plan.fields.items():
            below = f"{pattern}.{key}" if pattern else key
            yield from _changed(field.plan, _of(before, field), _of(after, field), (*path, key), below)
    elif isinstance(plan, List):
        for index in range(max(len(before or ()), len(after or ()))):
            old, new = (values[index] if values and index < len(values) else None for values in (before, after))
            yield from _changed(plan.item, old, new, (*path, index), f"{pattern}[]")
    elif isinstance(plan, Map):
        for key in dict.fromkeys((*(before or {}), *(after or {}))):
            old, new = (values.get(key) if values else None for values in (before, after))
            yield from _changed(plan.item, old, new, (*path, key), f"{pattern}.*")


def _own(before: Config | None, after: Config) -> Iterator[tuple[Path, str, bool]]:
    """The same of documents of our own."""
    for kind, attribute in (("ControlPlanesConfig", "control_planes"), ("MetricsConfig", "metrics")):
        old = getattr(before, attribute, None)
        if old != getattr(after, attribute):
            yield (0, kind), kind, old is not None


def _of(section: Any, field: Field) -> Any:
    return field.default if section is None else getattr(section, field.attribute)


def _lost(before: Any, after: Any) -> bool:
    """Whether anything of what there was is not there as it was."""
    if isinstance(before, tuple):
        return any(item not in (after or ()) for item in before)
    if isinstance(before, dict):
        return any((after or {}).get(key) != item for key, item in before.items())
    return before not in (None, "", 0)


def _diff(before: Config | None, after: Config) -> str:
    """Of the documents as they are read: comments and the order of words on a line are nothing. A secret is stars, and
    one that was not there before says that it is new."""
    known: set[str] = set()

    def seen(node: Node) -> str:
        known.add(str(node))
        return STARS

    old = (redact(before, seen) if before is not None else b"").decode()
    new = redact(after, lambda node: STARS if before is None or str(node) in known else f"{STARS} (new)").decode()
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "in force", "new"))
