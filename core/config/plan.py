"""What the schema's types say, worked out once: a plan for each class, made of `kinds`. Reading, merging, redaction,
the support list and the docs all walk it."""

import functools
import types
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from core.config.kinds import Body, Field, Keys, Leaf, List, Map, Plan
from core.config.schema.base import Keyed, Obsolete, OneOrMany, Replace, Scalar, Section
from core.config.schema.numbers import Bool, Text


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
