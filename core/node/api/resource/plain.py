"""Specs as plain values and as YAML, under the names and in the spellings that clients know: enumerations by text,
spans as Go durations, moments as RFC 3339, secrets in base64. What is None is left out."""

import base64
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import msgspec

from core.base.units import format_duration
from core.codec.yaml import dump
from core.node.resources.values import Named
from core.state import Spec

_Field = tuple[str, str, Callable[[Any], object]]


def to_yaml(spec: Spec) -> str:
    """The spec as a YAML document; a scalar one (a machine config is its text) as that scalar."""
    return dump(to_plain(spec)).decode()


def to_plain(spec: Spec) -> object:
    """The spec as dicts, lists, text and numbers."""
    scalar = getattr(spec, "scalar", None)
    if scalar is not None:
        return _text(scalar) if isinstance(scalar, bytes) else _plain(scalar)
    return _plain(spec)


@cache
def _fields(cls: type[msgspec.Struct]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    names = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    return tuple((attribute, name, _MARKED.get(_mark(hints[attribute]), _plain)) for attribute, name in names)


def _mark(hint: Any) -> str:
    """What a type or any part of it is marked with in core.node.resources.values."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra:
            return str(meta.extra.get("yaml", ""))
    return next(filter(None, map(_mark, typing.get_args(hint))), "")


def _plain(value: Any) -> object:
    if isinstance(value, Named):
        return value.text
    if isinstance(value, msgspec.Struct):
        pairs = ((name, getattr(value, attribute), convert) for attribute, name, convert in _fields(type(value)))
        return {name: convert(field) for name, field, convert in pairs if field is not None}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _moment(value: float) -> str:
    moment = datetime.fromtimestamp(value, UTC) if value else datetime.min
    return moment.replace(tzinfo=None).isoformat() + "Z"


_MARKED: Final[Mapping[str, Callable[[Any], object]]] = {
    "duration": format_duration,
    "moment": _moment,
    "text": _text,
    "base64": lambda value: base64.b64encode(value).decode(),
}
