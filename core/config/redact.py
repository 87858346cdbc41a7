"""A config that may be shown: every value of a kind marked secret in the schema is stars. Works on the document as
written and fails closed: a secret key's value is hidden whatever its type."""

from collections.abc import Callable
from typing import Final

from core.codec.yaml import Node, dump_all
from core.config.kinds import Keys, Leaf, List, Map, Plan
from core.config.load import PLANS, Config

STARS: Final = "******"


Instead = Callable[[Node], str]


def redact(config: Config, instead: Instead = lambda _: STARS) -> bytes:
    """The config's text without its secrets; `instead` is what stands for one."""
    return dump_all(_hidden(PLANS[document.kind], document.tree, instead) for document in config.documents)


def _hidden(plan: Plan, node: Node, instead: Instead) -> Node:
    if node is None or node == "":
        return node
    if isinstance(plan, Leaf):
        return instead(node) if plan.scalar.secret else node
    if isinstance(plan, Keys) and isinstance(node, dict):
        known = ((key, plan.fields[key].plan, value) for key, value in node.items() if key in plan.fields)
        return {key: _hidden(below, value, instead) for key, below, value in known}
    if isinstance(plan, Map) and isinstance(node, dict):
        return {key: _hidden(plan.item, value, instead) for key, value in node.items()}
    if isinstance(plan, List) and isinstance(node, list):
        return [_hidden(plan.item, item, instead) for item in node]
    return node
