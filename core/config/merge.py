"""Strategic merge: a patch that looks like a config. Scalars override, mappings merge by key, lists append, except
where the schema marks a list as replaced or keyed; null, "" and 0 in a patch change nothing, false does. The
directive `$patch: delete` removes a key, a list element or a document. Documents are patched as written: the rest of
them stays."""

from typing import Final

from core.codec.yaml import Node, Path, YamlErrors, dump_all, parse, same
from core.config import jsonpatch
from core.config.documents import identify
from core.config.kinds import Body, Keys, Leaf, List, Map, Plan
from core.config.load import PLANS, Config, load
from core.config.problems import ConfigErrors, Finding, dotted, from_yaml, place

_PATCH: Final = "$patch"
_ZEROS: Final = (0, "", b"")
Tree = dict[str, Node]


def merge(config: Config, patch: bytes, name: str = "patch") -> Config:
    """The patched config, read and validated anew. A patch is strategic (documents) or RFC 6902 (a list of operations).
    Raises ConfigErrors about the patch, or about the result."""
    return load(merge_text(config, patch, name), config.name)


def merge_text(config: Config, patch: bytes, name: str = "patch") -> bytes:
    """The patched text before validation, so that several patches can make one valid config. Raises ConfigErrors."""
    try:
        stream = parse(patch)
    except YamlErrors as error:
        raise ConfigErrors(from_yaml(error, name)) from None
    problems = from_yaml(YamlErrors(stream.troubles), name)
    trees = {document.identity: document.tree for document in config.documents}
    found: list[Finding] = []
    for index, node in enumerate(stream.documents):
        if isinstance(node, list):
            _operations(trees, node, index, found)
        elif node is not None:
            _document(trees, node, index, found)
    problems.extend(place(found, patch, name))
    if problems:
        raise ConfigErrors(problems)
    return dump_all(trees.values())


def _operations(trees: dict[tuple[str, str], Tree], patch: list[Node], index: int, found: list[Finding]) -> None:
    if list(trees) != [("", "")]:
        found.append(
            Finding((index,), "a JSON patch needs a config of one v1alpha1 document", "write a strategic patch")
        )
        return
    try:
        patched = jsonpatch.apply(trees["", ""], patch)
    except jsonpatch.OperationFailed as error:
        found.append(Finding((index, error.index, *error.at), error.message, error.remedy))
        return
    if isinstance(patched, dict):
        trees["", ""] = patched
    else:
        found.append(Finding((index,), "the patch leaves no mapping"))


def _document(trees: dict[tuple[str, str], Tree], node: Node, index: int, found: list[Finding]) -> None:
    document = identify(index, node)
    if isinstance(document, Finding):
        found.append(document)
    elif document.tree.get(_PATCH) == "delete":
        trees.pop(document.identity, None)
    elif document.kind not in PLANS:
        found.append(Finding((index, "kind"), f"documents of kind {document.kind} are not supported yet"))
    else:
        plan = PLANS[document.kind]
        plan.read(_without_directives(document.tree), (index,), found)
        if not found:
            merged = _merged(plan, trees.get(document.identity, {}), document.tree, (index,), found)
            assert isinstance(merged, dict)
            trees[document.identity] = merged


def _without_directives(node: Node) -> Node:
    """The patch as a config, for reading: what is deleted is null."""
    if isinstance(node, dict):
        return {key: _without_directives(value) for key, value in node.items() if key != _PATCH} or (
            None if _PATCH in node else {}
        )
    if isinstance(node, list):
        return [_without_directives(item) for item in node]
    return node


def _merged(plan: Plan | None, old: Node, new: Node, path: Path, found: list[Finding]) -> Node:
    if new is None:
        return old
    if isinstance(new, dict):
        if isinstance(plan, Body) and plan.replace:
            return new
        return _mapping(plan, old if isinstance(old, dict) else {}, new, path, found)
    if isinstance(plan, Leaf):
        return old if old is not None and _is_zero(plan, new) else new
    if isinstance(new, list):
        if not isinstance(old, list):
            old = []
        if isinstance(plan, List) and plan.replace:
            return new or old
        return _list(plan, old, new, path, found)
    return new


def _mapping(plan: Plan | None, old: Tree, new: Tree, path: Path, found: list[Finding]) -> Tree:
    result = dict(old)
    for key, value in new.items():
        here = (*path, key)
        if isinstance(value, dict) and _PATCH in value:
            _directive(value, here, found)
            if result.pop(key, None) is None:
                found.append(Finding(here, f"{dotted(here)} is not there to be deleted", at_key=True))
        else:
            result[key] = _merged(_child(plan, key), result.get(key), value, here, found)
    return result


def _list(plan: Plan | None, old: list[Node], new: list[Node], path: Path, found: list[Finding]) -> list[Node]:
    result = list(old)
    keys = plan.keyed if isinstance(plan, List) else ()
    item = plan.item if isinstance(plan, List) else None
    for index, value in enumerate(new):
        here = (*path, index)
        if isinstance(value, dict) and _PATCH in value:
            _directive(value, here, found)
            wanted = {key: part for key, part in value.items() if key != _PATCH}
            kept = [element for element in result if not _contains(element, wanted)]
            if len(kept) == len(result) or not wanted:
                found.append(Finding(here, "no element like this is there to be deleted"))
            result = kept
        else:
            place = next((n for n, element in enumerate(result) if _alike(element, value, keys)), None)
            if place is None:
                result.append(_merged(item, None, value, here, found))
            else:
                result[place] = _merged(item, result[place], value, here, found)
    return result


def _directive(value: Tree, path: Path, found: list[Finding]) -> None:
    if value[_PATCH] != "delete":
        found.append(Finding((*path, _PATCH), "the one directive is delete", "write $patch: delete"))


def _child(plan: Plan | None, key: str) -> Plan | None:
    if isinstance(plan, Keys):
        return plan.fields[key].plan if key in plan.fields else None
    return plan.item if isinstance(plan, Map) else None


def _is_zero(leaf: Leaf, new: Node) -> bool:
    value = leaf.read(new, (), [])
    return not isinstance(value, bool) and value in _ZEROS


def _alike(element: Node, value: Node, keys: tuple[str, ...]) -> bool:
    """Whether two elements are the same thing by any of the keys."""
    if not isinstance(element, dict) or not isinstance(value, dict):
        return False
    return any(value.get(key) is not None and _equal(element.get(key), value[key]) for key in keys)


def _contains(element: Node, wanted: Tree) -> bool:
    return isinstance(element, dict) and all(_equal(element.get(key), part) for key, part in wanted.items())


def _equal(one: Node, other: Node) -> bool:
    """Equal in meaning; quotes around a name make no difference."""
    return same(one, other) or (isinstance(one, str) and isinstance(other, str) and str(one) == str(other))
