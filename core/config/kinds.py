"""How a parsed YAML node becomes a typed value: a reader for each shape a key can have, which collects everything
that is wrong on the way and goes on. Null is an unset key."""

from difflib import get_close_matches
from typing import Any, Final

import msgspec

from core.base.errors import Invalid
from core.codec.yaml import Node, Path, Plain, builtins
from core.config.problems import Finding
from core.config.schema.base import Obsolete, Scalar, Section

_NOTHING: Final = msgspec.UNSET
Found = list[Finding]


class Leaf(msgspec.Struct, frozen=True):
    """A scalar; `many` takes a list of them too and always reads as a tuple."""

    scalar: Scalar
    many: bool = False

    @property
    def kind(self) -> str:
        return f"{self.scalar.kind} or a list of them" if self.many else self.scalar.kind

    def read(self, node: Node, path: Path, found: Found) -> object:
        if isinstance(node, str):
            value = self._one(node, path, found)
            return (value,) if self.many and value is not _NOTHING else value
        if self.many and isinstance(node, list):
            return List(Leaf(self.scalar)).read(node, path, found)
        found.append(_mismatch(path, self, node))
        return _NOTHING

    def _one(self, text: str, path: Path, found: Found) -> object:
        scalar = self.scalar
        if scalar.plain and type(text) is not Plain:
            found.append(Finding(path, f"expected {scalar.kind}, found quoted text", "take the quotes away"))
            return _NOTHING
        try:
            return scalar.parse(text)
        except Invalid as error:
            found.append(Finding(path, error.message, error.remedy, secret=scalar.secret))
            return _NOTHING


class List(msgspec.Struct, frozen=True):
    """A sequence of one type."""

    item: "Plan"
    keyed: tuple[str, ...] = ()
    replace: bool = False

    @property
    def kind(self) -> str:
        return "a list"

    def read(self, node: Node, path: Path, found: Found) -> object:
        if not isinstance(node, list):
            found.append(_mismatch(path, self, node))
            return _NOTHING
        values = []
        for index, item in enumerate(node):
            if item is None:
                found.append(Finding((*path, index), f"expected {self.item.kind}, found nothing"))
            elif (value := self.item.read(item, (*path, index), found)) is not _NOTHING:
                values.append(value)
        return tuple(values)


class Map(msgspec.Struct, frozen=True):
    """A mapping with free keys and values of one type."""

    item: "Plan"

    @property
    def kind(self) -> str:
        return "a mapping"

    def read(self, node: Node, path: Path, found: Found) -> object:
        if not isinstance(node, dict):
            found.append(_mismatch(path, self, node))
            return _NOTHING
        values = {}
        for key, item in node.items():
            value = self.item.read("" if item is None else item, (*path, key), found)
            if value is not _NOTHING:
                values[key] = value
        return values


class Body(msgspec.Struct, frozen=True):
    """A mapping the node hands on as it is."""

    replace: bool = False

    @property
    def kind(self) -> str:
        return "a mapping"

    def read(self, node: Node, path: Path, found: Found) -> object:
        if not isinstance(node, dict):
            found.append(_mismatch(path, self, node))
            return _NOTHING
        return builtins(node)


class Field(msgspec.Struct, frozen=True):
    """One key of a section."""

    key: str
    attribute: str
    plan: "Plan"
    default: object
    obsolete: Obsolete | None


class Keys(msgspec.Struct, frozen=True):
    """A section: a mapping whose keys are known."""

    type: type[Section]
    fields: dict[str, Field]

    @property
    def kind(self) -> str:
        return "a mapping"

    def read(self, node: Node, path: Path, found: Found) -> object:
        if not isinstance(node, dict):
            found.append(_mismatch(path, self, node))
            return _NOTHING
        values: dict[str, Any] = {}
        for key, item in node.items():
            field = self.fields.get(key)
            if field is None:
                found.append(self._unknown(key, path))
            elif item is not None and (value := field.plan.read(item, (*path, key), found)) is not _NOTHING:
                values[field.attribute] = value
        return self.type(**values)

    def _unknown(self, key: str, path: Path) -> Finding:
        near = next(iter(get_close_matches(key, self.fields, 1)), "")
        if not near:
            near = next((name for name in self.fields if name.lower() == key.lower()), "")
        remedy = f"did you mean {near}?" if near else f"known here: {', '.join(sorted(self.fields)) or 'none'}"
        return Finding((*path, key), f"unknown key {key!r}", remedy, near, at_key=True)


Plan = Leaf | List | Map | Body | Keys


def _mismatch(path: Path, expected: Plan, node: Node) -> Finding:
    """A scalar's text says itself what was found, unless it may be a secret in the wrong place."""
    secret = _may_hold_secrets(expected)
    found = "a mapping" if isinstance(node, dict) else "a list" if isinstance(node, list) else "text" if secret else ""
    message = f"expected {expected.kind}" + (f", found {found}" if found else "")
    return Finding(path, message, secret=secret)


def _may_hold_secrets(plan: Plan) -> bool:
    if isinstance(plan, Leaf):
        return plan.scalar.secret
    if isinstance(plan, Keys):
        return any(_may_hold_secrets(field.plan) for field in plan.fields.values())
    return not isinstance(plan, Body) and _may_hold_secrets(plan.item)
