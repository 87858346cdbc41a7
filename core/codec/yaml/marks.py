"""Where in the text a value stands. Marks cost a second reading, so they are worked out for the paths that are in
error, and only then."""

from collections.abc import Callable, Collection
from typing import Final

import msgspec
import yaml
from yaml.events import (
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from core.codec.yaml.compose import events

Path = tuple[str | int, ...]
"""Index of the document, then keys and indexes."""

_WIDTH: Final = 60


class Mark(msgspec.Struct, frozen=True):
    """Lines and columns from 1, of the key (or list item) and of the value; and what a scalar says, cut short."""

    key: tuple[int, int]
    value: tuple[int, int]
    text: str


def locate(data: bytes, wanted: Collection[Path]) -> dict[Path, Mark]:
    """The marks of `wanted` and of all that contain them; a path that came by an alias or a merge has none."""
    interesting = {path[:end] for path in wanted for end in range(1, len(path) + 1)}
    found: dict[Path, Mark] = {}
    try:
        _Walk(events(data), interesting, found).stream()
    except yaml.YAMLError:
        return found
    return found


class _Walk:
    """Follows the events with the path they are at; () is a path that cannot be asked for."""

    def __init__(self, following: Callable[[], Event], wanted: set[Path], found: dict[Path, Mark]) -> None:
        self._next = following
        self._wanted = wanted
        self._found = found

    def stream(self) -> None:
        index = 0
        while type(event := self._next()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                first = self._next()
                self._value(first, first, (index,))
                index += 1

    def _value(self, key: Event, event: Event, path: Path) -> None:
        if path in self._wanted and path not in self._found:
            text = _shown(event.value) if type(event) is ScalarEvent else ""
            self._found[path] = Mark(_place(key), _place(event), text)
        if type(event) is MappingStartEvent:
            self._mapping(path)
        elif type(event) is SequenceStartEvent:
            index = 0
            while type(item := self._next()) is not SequenceEndEvent:
                self._value(item, item, (*path, index) if path else ())
                index += 1

    def _mapping(self, path: Path) -> None:
        while type(key := self._next()) is not MappingEndEvent:
            inner: Path = ()
            if type(key) is not ScalarEvent:
                self._value(key, key, ())
            elif path:
                inner = (*path, key.value)
            self._value(key, self._next(), inner)


def _shown(text: str) -> str:
    """The first line, or the beginning of a long one."""
    line = text.partition("\n")[0]
    return line if len(line) <= _WIDTH else line[: _WIDTH // 2] + "..."


def _place(event: Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
