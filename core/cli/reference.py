"""docs/config.md from the schema: every key, what it takes, its default, its meaning, and whether the node acts on
it. The meanings are the strings under the attributes, read from source, so they cost a running node nothing."""

import ast
import functools
import inspect
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.base.units import format_duration
from core.config.documents import NEWER, OWN, OWN_V1ALPHA1
from core.config.kinds import Body, Field, Keys, Leaf, List, Map, Plan
from core.config.load import PLAN, PLANS
from core.config.schema.base import Section
from core.config.support import supports, touches

_HEAD: Final = """# Machine config

The v1alpha1 document, key by key. Made from the schema by `make docs`; do not edit. A key in the *acts* column marked
yes changes what the node does; one marked no is read, checked, kept, and listed by `ichorctl validate` and on apply.
`[]` is any element of a list, `*` any key of a free mapping. Crossed-out keys are obsolete.

| key | takes | default | acts | meaning |
|---|---|---|---|---|
"""
_OWN: Final = """
## Documents of our own

They are the format's in form and have `apiVersion: {version}`. A client of the format that reads whole configs
before it sends them (`talosctl patch` and `edit`) does not know them: use `ichorctl`, or `apply-config`, which sends
what is written. `$patch: delete` in a patch takes one away.

| key | takes | default | acts | meaning |
|---|---|---|---|---|
{rows}

{kinds}
"""
_TAIL: Final = """
## Newer documents

Documents with `apiVersion` and `kind` are known by name and refused as not supported yet:

"""


def render() -> str:
    """The page."""
    rows = "\n".join(_rows(PLAN, ""))
    kinds = ", ".join(sorted(NEWER))
    own = sorted(OWN)
    keys = "\n".join(row for kind in own for row in _rows(PLANS[kind], kind))
    meanings = "\n".join(f"`{kind}`: {inspect.getdoc(PLANS[kind].type)}" for kind in own)
    ours = _OWN.format(version=OWN_V1ALPHA1, rows=keys, kinds=meanings)
    return f"{_HEAD}{rows}\n{ours}{_TAIL}{kinds}.\n"


def _rows(plan: Plan, pattern: str) -> Iterator[str]:
    if isinstance(plan, Keys):
        meanings = _meanings(plan.type)
        for key, field in plan.fields.items():
            below = f"{pattern}.{key}" if pattern else key
            yield _row(below, field, meanings[field.attribute])
            yield from _rows(field.plan, below)
    elif isinstance(plan, List):
        yield from _rows(plan.item, f"{pattern}[]")
    elif isinstance(plan, Map):
        yield from _rows(plan.item, f"{pattern}.*")


def _row(pattern: str, field: Field, meaning: str) -> str:
    acts = "yes" if supports(pattern) else "partly" if touches(pattern) else "no"
    key = f"~~`{pattern}`~~" if field.obsolete else f"`{pattern}`"
    default = _default(field)
    cells = (key, _kind(field.plan), f"`{default}`" if default else "", acts, meaning.removesuffix("."))
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _kind(plan: Plan) -> str:
    if isinstance(plan, List):
        return f"list: {_plural(plan.item)}"
    if isinstance(plan, Map):
        return f"mapping to: {_plural(plan.item)}"
    if isinstance(plan, Body):
        return "free mapping"
    return plan.kind if isinstance(plan, Leaf) else "section"


def _plural(plan: Plan) -> str:
    return "sections" if isinstance(plan, Keys) else "free mappings" if isinstance(plan, Body) else _kind(plan)


def _default(field: Field) -> str:
    value = field.default
    if value in ("", (), None, b"", {}) or isinstance(value, Section):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    kind = field.plan.kind
    if isinstance(value, float):
        return format_duration(value)
    if "octal" in kind:
        return f"{value:#o}"
    return "" if value == 0 else str(value)


@functools.cache
def _meanings(section: type[Section]) -> dict[str, str]:
    """Attribute -> the string under it."""
    source = inspect.getsourcefile(section)
    assert source is not None
    tree = ast.parse(Path(source).read_text())
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == section.__name__)
    found = {}
    for statement, after in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[statement.target.id] = str(after.value.value)
    return found


if __name__ == "__main__":
    sys.stdout.write(render())
