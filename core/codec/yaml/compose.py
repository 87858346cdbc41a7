"""libyaml's events to trees. Refuses what costs more than it says (size, depth, nodes counted after aliases are
expanded), duplicate keys, keys that are not text, and every tag but YAML's own scalar ones. Nothing is constructed
from a tag. Aliased nodes are shared: a tree is read, never changed."""

from collections.abc import Callable
from typing import Final, cast

import msgspec
import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from core.codec.yaml.scalar import NULLS, Plain
from core.codec.yaml.trouble import Trouble

Node = dict[str, "Node"] | list["Node"] | str | None

_CORE: Final = "tag:yaml.org,2002:"
_TEXT: Final = frozenset((_CORE + "str", "!"))
_PLAIN: Final = frozenset(_CORE + name for name in ("null", "bool", "int", "float"))
_COLLECTIONS: Final = frozenset((_CORE + "map", _CORE + "seq", "!"))


class Limits(msgspec.Struct, frozen=True):
    """How much a text may ask for. `nodes` counts what aliases expand to."""

    size: int = 16 << 20
    depth: int = 100
    nodes: int = 200_000
    aliases: int = 1000


def events(data: bytes) -> Callable[[], Event]:
    """libyaml's next event at each call; the last is the stream's end. Raises yaml.YAMLError."""
    return cast(Callable[[], Event], CParser(data).get_event)


class _Anchored(msgspec.Struct, frozen=True):
    node: Node
    size: int
    height: int


class Composer:
    """Builds the documents of one text. Raises yaml.YAMLError where it must stop; the rest is in `troubles`."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._next = events(data)
        self._limits = limits
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0
        self._aliases = 0
        self._deepest = 0
        self.troubles: list[Trouble] = []

    def documents(self) -> list[Node]:
        found: list[Node] = []
        while type(event := self._next()) is not StreamEndEvent:
            if type(event) is DocumentStartEvent:
                self._anchors.clear()
                found.append(self._node(self._next(), 1))
        return found

    def _node(self, event: Event, depth: int) -> Node:
        self._count += 1
        if depth > self._deepest:
            self._deepest = depth
        if self._count > self._limits.nodes or depth > self._limits.depth:
            raise self._too_much(event)
        if type(event) is AliasEvent:
            return self._alias(event, depth)
        anchor = event.anchor if isinstance(event, NodeEvent) else None
        if anchor is None:
            return self._content(event, depth)
        self._anchors[anchor] = None
        before, outer, self._deepest = self._count, self._deepest, depth
        node = self._content(event, depth)
        self._anchors[anchor] = _Anchored(node, self._count - before, self._deepest - depth)
        self._deepest = max(outer, self._deepest)
        return node

    def _content(self, event: Event, depth: int) -> Node:
        if type(event) is ScalarEvent:
            return self._scalar(event)
        assert isinstance(event, CollectionStartEvent)
        if event.tag is not None and event.tag not in _COLLECTIONS:
            self._note(event, f"tag {event.tag} is not read", event.tag)
        return self._mapping(depth) if type(event) is MappingStartEvent else self._sequence(depth)

    def _scalar(self, event: ScalarEvent) -> Node:
        value: str = event.value
        tag: str | None = event.tag
        if tag is None:
            if event.implicit[0]:
                return None if value in NULLS else Plain(value)
            return value
        if tag in _PLAIN:
            return None if value in NULLS else Plain(value)
        if tag not in _TEXT:
            self._note(event, f"tag {tag} is not read", tag)
        return value

    def _sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> Node:
        found: dict[str, Node] = {}
        merged: list[Node] = []
        while type(event := self._next()) is not MappingEndEvent:
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, str):
                self._note(event, "a key must be text", "")
            elif key == "<<" and type(key) is Plain:
                merged.extend(self._merged(event, value))
            elif key in found:
                self._note(event, f"key {key!r} appears twice", key, "keep one of them")
            else:
                found[str(key)] = value
        for source in merged:
            assert isinstance(source, dict)
            for key, value in source.items():
                found.setdefault(key, value)
        return found

    def _merged(self, event: Event, value: Node) -> list[Node]:
        """The mappings that `<<` draws in, nearest first."""
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(source, dict) for source in sources):
            return sources
        self._note(event, "<< takes a mapping or a list of mappings", "<<")
        return []

    def _alias(self, event: Event, depth: int) -> Node:
        self._aliases += 1
        assert isinstance(event, AliasEvent)
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise yaml.MarkedYAMLError(
                problem=f"alias *{event.anchor} names nothing before it", problem_mark=event.start_mark
            )
        self._count += anchored.size
        self._deepest = max(self._deepest, depth + anchored.height)
        if (
            self._count > self._limits.nodes
            or self._aliases > self._limits.aliases
            or depth + anchored.height > self._limits.depth
        ):
            raise self._too_much(event)
        return anchored.node

    def _too_much(self, event: Event) -> yaml.MarkedYAMLError:
        limits = self._limits
        return yaml.MarkedYAMLError(
            problem=f"more than {limits.nodes} values, {limits.aliases} aliases or {limits.depth} levels",
            problem_mark=event.start_mark,
        )

    def _note(self, event: Event, message: str, text: str, remedy: str = "") -> None:
        mark = event.start_mark
        self.troubles.append(Trouble(mark.line + 1, mark.column + 1, text, message, remedy))
