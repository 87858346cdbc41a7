"""A config that may be shown: every value of a kind marked secret in the schema is stars. Works on the document as
written and fails closed: a secret key's value is hidden whatever its type."""

from typing import Final

from core.codec.yaml import Node, dump_all
from core.config.kinds import Keys, Leaf, List, Map, Plan
from core.config.load import PLAN, Config

STARS: Final = "******"


def redact(config: Config) -> bytes:
    """The config's text without its secrets."""
    return dump_all(_hidden(PLAN, document.tree) for document in config.documents)


def _hidden(plan: Plan, node: Node) -> Node:
    if node is None or node == "":
        return node
    if isinstance(plan, Leaf):
        return STARS if plan.scalar.secret else node
    if isinstance(plan, Keys) and isinstance(node, dict):
        return {key: _hidden(plan.fields[key].plan, value) for key, value in node.items() if key in plan.fields}
    if isinstance(plan, Map) and isinstance(node, dict):
        return {key: _hidden(plan.item, value) for key, value in node.items()}
    if isinstance(plan, List) and isinstance(node, list):
        return [_hidden(plan.item, item) for item in node]
    return node
