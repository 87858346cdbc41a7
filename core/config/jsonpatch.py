"""RFC 6902 on parsed YAML trees. Changes a copy, or nothing: an operation that fails fails the whole patch."""

import copy
import re
from collections.abc import Callable
from typing import Final

from core.base.errors import Invalid
from core.codec.yaml import Node, Path, same

_INDEX: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class OperationFailed(Invalid):
    """The operation at `index` cannot be done; `at` is the key of it that is to blame."""

    def __init__(self, index: int, at: Path, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.index = index
        self.at = at


def apply(document: Node, operations: list[Node]) -> Node:
    """The patched document. Raises OperationFailed."""
    result = copy.deepcopy(document)
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise OperationFailed(index, (), "an operation is a mapping of op, path and value")
        kind = operation.get("op")
        handler = _OPERATIONS.get(kind) if isinstance(kind, str) else None
        if handler is None:
            raise OperationFailed(index, ("op",), "not an operation", f"take {', '.join(_OPERATIONS)}")
        result = handler(result, _Operation(index, operation))
    return result


class _Operation:
    def __init__(self, index: int, tree: dict[str, Node]) -> None:
        self._index = index
        self._tree = tree

    def pointer(self, key: str) -> list[str]:
        text = self._tree.get(key)
        if text is None and key == "path" and key in self._tree:
            text = ""
        if not isinstance(text, str):
            raise self.failed(key, f"needs {key}")
        if text and not text.startswith("/"):
            raise self.failed(key, f"{text!r} is no JSON pointer", "start it with /")
        return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]

    @property
    def value(self) -> Node:
        if "value" not in self._tree:
            raise self.failed("op", "needs value")
        return copy.deepcopy(self._tree["value"])

    def failed(self, key: str, message: str, remedy: str = "") -> OperationFailed:
        return OperationFailed(self._index, (key,), message, remedy)

    def at(self, node: Node, path: list[str], key: str) -> Node:
        for depth, part in enumerate(path):
            node = self._step(node, part, "/" + "/".join(path[: depth + 1]), key)
        return node

    def _step(self, node: Node, part: str, pointer: str, key: str) -> Node:
        if isinstance(node, dict) and part in node:
            return node[part]
        if isinstance(node, list) and _INDEX.fullmatch(part) and int(part) < len(node):
            return node[int(part)]
        raise self.failed(key, f"{pointer} is not there")

    def put(self, document: Node, path: list[str], value: Node) -> Node:
        if not path:
            return value
        parent, last = self.at(document, path[:-1], "path"), path[-1]
        if isinstance(parent, dict):
            parent[last] = value
        elif isinstance(parent, list) and last == "-":
            parent.append(value)
        elif isinstance(parent, list) and _INDEX.fullmatch(last) and int(last) <= len(parent):
            parent.insert(int(last), value)
        else:
            raise self.failed("path", f"/{'/'.join(path)} is no place to put a value")
        return document

    def take(self, document: Node, path: list[str], key: str) -> Node:
        """Remove what is at `path` and return it."""
        value = self.at(document, path, key)
        if not path:
            raise self.failed(key, "the whole document cannot be removed")
        parent = self.at(document, path[:-1], key)
        if isinstance(parent, dict):
            del parent[path[-1]]
        elif isinstance(parent, list):
            del parent[int(path[-1])]
        return value


def _add(document: Node, operation: _Operation) -> Node:
    return operation.put(document, operation.pointer("path"), operation.value)


def _remove(document: Node, operation: _Operation) -> Node:
    operation.take(document, operation.pointer("path"), "path")
    return document


def _replace(document: Node, operation: _Operation) -> Node:
    path = operation.pointer("path")
    if path:
        value = operation.value
        parent = operation.at(document, path[:-1], "path")
        operation.at(document, path, "path")
        if isinstance(parent, list):
            parent[int(path[-1])] = value
            return document
        return operation.put(document, path, value)
    return operation.value


def _move(document: Node, operation: _Operation) -> Node:
    source, target = operation.pointer("from"), operation.pointer("path")
    if target[: len(source)] == source and target != source:
        raise operation.failed("path", "a value cannot move into itself")
    return operation.put(document, target, operation.take(document, source, "from"))


def _copy(document: Node, operation: _Operation) -> Node:
    value = copy.deepcopy(operation.at(document, operation.pointer("from"), "from"))
    return operation.put(document, operation.pointer("path"), value)


def _test(document: Node, operation: _Operation) -> Node:
    path = operation.pointer("path")
    if not same(operation.at(document, path, "path"), operation.value):
        raise operation.failed("value", f"/{'/'.join(path)} has another value")
    return document


_OPERATIONS: Final[dict[str, Callable[[Node, _Operation], Node]]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
