"""What of a Node object a machine keeps: labels, annotations, taints and whether pods may come. Which of them are the
machine's own is written on the object, by the format's annotations, so that nobody else's are ever touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from core.cluster.kubernetes.paths import Object, version

OWNED_LABELS: Final = "talos.dev/owned-labels"
OWNED_ANNOTATIONS: Final = "talos.dev/owned-annotations"
OWNED_TAINTS: Final = "talos.dev/owned-taints"
CORDONED: Final = "talos.dev/cordoned"


class Taint(NamedTuple):
    """Of a key."""

    value: str
    effect: str

    @classmethod
    def parse(cls, text: str) -> "Taint":
        """Of "value:effect", or of the effect alone."""
        value, _, effect = text.rpartition(":")
        return cls(value, effect)


@dataclass(frozen=True, slots=True)
class Wished:
    """By key. `taints` is None for who may not change them: a worker, once it is registered (NodeRestriction)."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: Mapping[str, Taint] | None = field(default_factory=dict)
    cordoned: bool = False


def change(node: Object, wished: Wished) -> Object | None:
    """The merge patch that makes the node so, valid for this version of it alone; None when there is nothing to do."""
    metadata = node["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    written = dict[str, str | None]()
    new_labels = _kept(labels, wished.labels, annotations, OWNED_LABELS, written)
    new_annotations = _kept(annotations, wished.annotations, annotations, OWNED_ANNOTATIONS, written)
    spec = _cordon(node, annotations, wished, written)
    if wished.taints is not None:
        spec |= _taints(node, annotations, wished.taints, written)
    patch: Object = {}
    if new_labels:
        patch["labels"] = new_labels
    if new_annotations or written:
        patch["annotations"] = new_annotations | written
    if not patch and not spec:
        return None
    made: Object = {"metadata": {**patch, "resourceVersion": version(node)}}
    return made | ({"spec": spec} if spec else {})


def _kept(
    current: Mapping[str, str],
    wished: Mapping[str, str],
    annotations: Mapping[str, str],
    mark: str,
    written: dict[str, str | None],
) -> dict[str, str | None]:
    """What changes of labels or annotations; who owns them goes into `written`. What another has set to something else
    stays his."""
    owned = _owned(annotations, mark)
    changed, now = dict[str, str | None](), set(owned)
    for key, value in wished.items():
        if key not in current or (key in owned and current[key] != value):
            changed[key] = value
            now.add(key)
    for key in owned - wished.keys():
        changed[key] = None
        now.discard(key)
    _mark(mark, owned, now, written)
    return changed


def _taints(
    node: Object, annotations: Mapping[str, str], wished: Mapping[str, Taint], written: dict[str, str | None]
) -> Object:
    """The whole list where it changes. A taint that is there as it is wished for came with the registration."""
    current: list[dict[str, Any]] = node.get("spec", {}).get("taints") or []
    there = {each["key"]: Taint(each.get("value", ""), each["effect"]) for each in current}
    owned = _owned(annotations, OWNED_TAINTS)
    ours = {key for key in wished if key in owned or key not in there or there[key] == wished[key]}
    left = [each for each in current if each["key"] not in owned | ours]
    made = [_taint(key, wished[key], current) for key in sorted(ours)]
    _mark(OWNED_TAINTS, owned, ours, written)
    same = sorted(map(str, left + made)) == sorted(map(str, current))
    return {} if same else {"taints": left + made}


def _taint(key: str, taint: Taint, current: list[dict[str, Any]]) -> dict[str, Any]:
    """As it stands, with what the server has added, if it does."""
    for each in current:
        if (each["key"], each.get("value", ""), each["effect"]) == (key, *taint):
            return each
    made = {"key": key, "effect": taint.effect}
    return made | ({"value": taint.value} if taint.value else {})


def _cordon(node: Object, annotations: Mapping[str, str], wished: Wished, written: dict[str, str | None]) -> Object:
    """A node that somebody else has closed is not opened here."""
    closed, ours = bool(node.get("spec", {}).get("unschedulable")), annotations.get(CORDONED) == "true"
    if wished.cordoned and not closed:
        written[CORDONED] = "true"
        return {"unschedulable": True}
    if not wished.cordoned and ours:
        written[CORDONED] = None
        return {"unschedulable": None} if closed else {}
    return {}


def _owned(annotations: Mapping[str, str], mark: str) -> set[str]:
    """What an annotation lists; nothing, if it is not as it is written here."""
    try:
        return set(msgspec.json.decode(annotations.get(mark, "[]"), type=list[str]))
    except msgspec.MsgspecError:
        return set()


def _mark(mark: str, before: set[str], now: set[str], written: dict[str, str | None]) -> None:
    if now != before:
        written[mark] = msgspec.json.encode(sorted(now)).decode() if now else None
