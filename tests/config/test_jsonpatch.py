"""RFC 6902 on trees: the examples of its appendix A, and what must fail without changing anything."""

import json
from typing import cast

import pytest

from core.codec import yaml
from core.codec.yaml import Node
from core.config import jsonpatch

EXAMPLES = [
    ("A.1", {"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ("A.2", {"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
    ("A.3", {"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ("A.4", {"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    (
        "A.5",
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    (
        "A.6",
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        "A.7",
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    (
        "A.8",
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    (
        "A.10",
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    ("A.11", {"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}], {"foo": "bar", "baz": "qux"}),
    ("A.14", {"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    (
        "A.16",
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    ("root", {"foo": 1}, [{"op": "replace", "path": "", "value": {"a": 1}}], {"a": 1}),
    (
        "copy",
        {"a": [1]},
        [{"op": "copy", "from": "/a", "path": "/b"}, {"op": "add", "path": "/b/0", "value": 0}],
        {"a": [1], "b": [0, 1]},
    ),
    ("replace in a list", [1, 2, 3], [{"op": "replace", "path": "/1", "value": 9}], [1, 9, 3]),
]


def _tree(value: object) -> Node:
    return yaml.parse(json.dumps(value).encode()).documents[0]


@pytest.mark.parametrize(("name", "before", "patch", "after"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_examples(name: str, before: object, patch: object, after: object) -> None:
    tree = _tree(before)
    patched = jsonpatch.apply(tree, cast(list[Node], _tree(patch)))
    assert yaml.builtins(patched) == after
    assert yaml.builtins(tree) == before


@pytest.mark.parametrize(
    ("before", "operation", "message"),
    [
        ({"baz": "qux"}, {"op": "test", "path": "/baz", "value": "bar"}, "has another value"),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": "10"}, "has another value"),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "has another value"),
        ({"foo": "bar"}, {"op": "add", "path": "/baz/bat", "value": "qux"}, "/baz is not there"),
        ({"a": []}, {"op": "add", "path": "/a/1", "value": 1}, "is no place"),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/01"}, "is not there"),
        ({"a": 1}, {"op": "add", "path": "/a/b", "value": 1}, "is no place"),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a", "path": "/a/b"}, "into itself"),
        ({"a": 1}, {"op": "replace", "path": "/b", "value": 1}, "/b is not there"),
        ({"a": 1}, {"op": "remove", "path": ""}, "whole document"),
        ({"a": 1}, {"op": "add", "path": "a", "value": 1}, "no JSON pointer"),
        ({"a": 1}, {"op": "add", "path": "/b"}, "needs value"),
        ({"a": 1}, {"op": "add", "value": 1}, "needs path"),
        ({"a": 1}, {"op": "put", "path": "/a"}, "not an operation"),
        ({"a": 1}, "add", "a mapping of op"),
    ],
)
def test_failures_change_nothing(before: object, operation: object, message: str) -> None:
    tree = _tree(before)
    patch = cast(list[Node], _tree([{"op": "add", "path": "/new", "value": 1}, operation]))
    with pytest.raises(jsonpatch.OperationFailed, match=message) as caught:
        jsonpatch.apply(tree, patch)
    assert caught.value.index == 1
    assert yaml.builtins(tree) == before
