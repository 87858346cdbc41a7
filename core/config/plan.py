"""What the schema's types say, worked out once: a plan for each type, which reads a parsed YAML node into a typed value
and collects everything that is wrong on the way. Merging, redaction, support lists and the docs walk the same plans."""

import functools
import types
from difflib import get_close_matches
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from core.base.errors import Invalid
from core.codec.yaml import Node, Path, Plain, builtins
from core.config.problems import Finding
from core.config.schema.base import Keyed, Obsolete, OneOrMany, Replace, Scalar, Section
from core.config.schema.numbers import Bool, Text

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


@functools.cache
def plan(section: type[Section]) -> Keys:
    """The plan of a section's class."""
    hints = get_type_hints(section, include_extras=True)
    fields = {}
    for info in msgspec.structs.fields(section):
        kind, marks = _unwrap(hints[info.name])
        obsolete = next((mark for mark in marks if isinstance(mark, Obsolete)), None)
        default = {} if info.default is msgspec.NODEFAULT else info.default
        fields[info.encode_name] = Field(info.encode_name, info.name, _typed(kind, marks), default, obsolete)
    return Keys(section, fields)


def _typed(kind: Any, marks: tuple[object, ...]) -> Plan:
    scalar = next((mark for mark in marks if isinstance(mark, Scalar)), None)
    if scalar is not None:
        return Leaf(scalar)
    if any(isinstance(mark, OneOrMany) for mark in marks):
        return Leaf(Text, many=True)
    replace = any(isinstance(mark, Replace) for mark in marks)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        keyed = next((mark.keys for mark in marks if isinstance(mark, Keyed)), ())
        return List(_typed(*_unwrap(arguments[0])), keyed, replace)
    if origin is dict:
        return Body(replace) if arguments[1] is object else Map(_typed(*_unwrap(arguments[1])))
    if kind is bool:
        return Leaf(Bool)
    if kind is str:
        return Leaf(Text)
    return plan(kind)


def _unwrap(kind: Any) -> tuple[Any, tuple[object, ...]]:
    """The type inside Annotated and Optional, and every mark on the way."""
    marks: tuple[object, ...] = ()
    while True:
        if get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            marks += tuple(more)
        elif get_origin(kind) in (types.UnionType, Union):
            kind = next(argument for argument in get_args(kind) if argument is not types.NoneType)
        else:
            return kind, marks


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
