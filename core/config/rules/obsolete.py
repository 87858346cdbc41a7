"""Keys that have no place any more: still read, warned about, an error under `--strict`."""

from collections.abc import Iterator
from typing import Final

from core.codec.yaml import Node, Path
from core.config.kinds import Keys, List, Map, Plan
from core.config.plan import plan
from core.config.problems import Finding
from core.config.rules.base import Context, Rule
from core.config.schema.root import V1Alpha1


def obsolete(context: Context) -> Iterator[Finding]:
    return _walk(plan(V1Alpha1), context.tree, ())


def _walk(plan: Plan, node: Node, path: Path) -> Iterator[Finding]:
    if isinstance(plan, Keys) and isinstance(node, dict):
        for key, value in node.items():
            field = plan.fields.get(key)
            if field is None or value is None:
                continue
            if field.obsolete is not None:
                remedy = f"use {field.obsolete.instead}" if field.obsolete.instead else "remove it"
                yield Finding((*path, key), "this key is obsolete", remedy, at_key=True, warning=True)
            yield from _walk(field.plan, value, (*path, key))
    elif isinstance(plan, List) and isinstance(node, list):
        for index, item in enumerate(node):
            yield from _walk(plan.item, item, (*path, index))
    elif isinstance(plan, Map) and isinstance(node, dict):
        for key, item in node.items():
            yield from _walk(plan.item, item, (*path, key))


RULES: Final[tuple[Rule, ...]] = (obsolete,)
