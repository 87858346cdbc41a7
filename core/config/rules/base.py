"""What every rule is given, and the words rules share."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from core.codec.yaml import Node, Path
from core.config.problems import Finding
from core.config.schema.cluster import Cluster
from core.config.schema.machine import Machine
from core.config.schema.root import V1Alpha1

Tree = dict[str, Node]


class Context(msgspec.Struct, frozen=True):
    """The document: typed values, and the tree for asking whether a key was written at all."""

    values: V1Alpha1
    tree: Tree
    role_known: bool = True
    """False when machine.type itself could not be read."""

    @property
    def machine(self) -> Machine:
        return self.values.machine

    @property
    def cluster(self) -> Cluster:
        return self.values.cluster

    @property
    def control_plane(self) -> bool:
        return self.machine.type in ("controlplane", "init")

    def has(self, *path: str) -> bool:
        """Whether the key was written with a value."""
        node: Any = self.tree
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        return node is not None


Rule = Callable[[Context], Iterator[Finding]]


def repeats(path: Path, key: str, values: Iterable[str]) -> Iterator[Finding]:
    """Elements of the list at `path` whose `key` is empty or was there before."""
    seen: Counter[str] = Counter()
    for index, value in enumerate(values):
        if not value:
            yield Finding((*path, index), f"needs {key}")
        elif seen[value]:
            yield Finding((*path, index, key), f"{value} is there already", "keep one of them")
        seen[value] += 1
