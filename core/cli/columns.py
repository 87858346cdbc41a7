"""The paths that resource types name for their columns: `{.a.b}`, `{.a[*].b}`, `{.a[?(@.b=="c")].d}`, `{}` for the
whole. A small part of JSONPath, as much as those use; what is not there is empty."""

import re
from collections.abc import Iterator
from typing import Final

_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\*|:|\d+|\?\(@[^)]*\))\]")
_WHERE: Final = re.compile(r'\?\(@\.([A-Za-z0-9_-]+)=="([^"]*)"\)')
Value = object


def pick(path: str, value: Value) -> str:
    """The text of a column."""
    found = [value]
    inside = path.strip().removeprefix("{").removesuffix("}")
    for match in _STEP.finditer(inside):
        name, index = match.groups()
        found = [below for above in found for below in _below(above, name, index)]
    shown = [text for item in found if (text := _text(item))]
    return ",".join(shown)


def _below(value: Value, name: str | None, index: str | None) -> Iterator[Value]:
    if name is not None:
        if isinstance(value, dict) and name in value:
            yield value[name]
    elif isinstance(value, list):
        if index in ("*", ":"):
            yield from value
        elif index is not None and (where := _WHERE.fullmatch(index)):
            yield from (item for item in value if isinstance(item, dict) and item.get(where[1]) == where[2])
        elif index is not None and index.isdigit() and int(index) < len(value):
            yield value[int(index)]


def _text(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={_text(item)}" for key, item in value.items())
    return str(value)
