"""Which keys the node acts on, as the table of what they do has them. Everything else of the schema is read, validated,
kept, and reported as not acted on yet."""

from collections.abc import Iterator
from typing import Final

from core.codec.yaml import Node, Path
from core.config.effects import EFFECTS
from core.config.kinds import Keys, List, Map, Plan
from core.config.load import PLANS, Config
from core.config.problems import dotted

ACTED_ON: Final = frozenset(EFFECTS)


def unsupported(config: Config) -> list[str]:
    """Dotted paths of what is set and not acted on, the highest key that says it, in the order written."""
    return [
        dotted(path)
        for document in config.documents
        for path in _unsupported(PLANS[document.kind], document.tree, (document.index,), document.kind)
    ]


def supports(pattern: str) -> bool:
    """Whether the node acts on the key at `pattern`, itself or by what is above it."""
    return any(path in ACTED_ON for path in above(pattern))


def above(pattern: str) -> Iterator[str]:
    """The patterns of what a key is in, from the outermost to its own."""
    parts = pattern.replace("[]", ".[]").split(".")
    return (".".join(parts[:end]).replace(".[]", "[]") for end in range(1, len(parts) + 1))


def touches(pattern: str) -> bool:
    """Whether the node acts on anything below `pattern`."""
    return any(path.startswith((pattern + ".", pattern + "[")) for path in ACTED_ON)


def _unsupported(plan: Plan, node: Node, path: Path, pattern: str) -> Iterator[Path]:
    if pattern and supports(pattern):
        return
    if pattern and not touches(pattern):
        yield path
    elif isinstance(plan, Keys) and isinstance(node, dict):
        for key, value in node.items():
            if value is not None and value != {} and value != [] and key in plan.fields:
                below = f"{pattern}.{key}" if pattern else key
                yield from _unsupported(plan.fields[key].plan, value, (*path, key), below)
    elif isinstance(plan, List) and isinstance(node, list):
        for index, item in enumerate(node):
            yield from _unsupported(plan.item, item, (*path, index), f"{pattern}[]")
    elif isinstance(plan, Map) and isinstance(node, dict):
        for key, item in node.items():
            yield from _unsupported(plan.item, item, (*path, key), f"{pattern}.*")
