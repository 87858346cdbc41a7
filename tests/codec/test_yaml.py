"""The YAML reader against PyYAML's own safe loader where the two agree by design, against its limits, and back
again."""

import math

import pytest
import yaml as oracle
from hypothesis import given
from hypothesis import strategies as st

from core.codec import yaml

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff\ufffe\uffff"), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXT
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)


@given(TREES)
def test_what_is_dumped_is_read_back(tree: object) -> None:
    assert yaml.load(yaml.dump(tree)) == tree


@given(TREES)
def test_stock_readers_read_what_is_dumped(tree: object) -> None:
    assert oracle.safe_load(yaml.dump(tree)) == tree


@given(
    st.dictionaries(
        st.from_regex(r"k[a-z]{1,6}", fullmatch=True), st.integers() | st.booleans() | st.none(), max_size=6
    )
)
def test_agrees_with_the_safe_loader(tree: dict[str, object]) -> None:
    data = oracle.safe_dump(tree).encode()
    assert yaml.load(data) == oracle.safe_load(data) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("on", "on"),
        ("0", 0),
        ("-12", -12),
        ("+12", 12),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 15),
        ("0b101", 5),
        ("089", 89.0),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("1.2.3", "1.2.3"),
        ("10.0.0.1/24", "10.0.0.1/24"),
        ("0x", "0x"),
        ("_1", "_1"),
        ("-", "-"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
    ],
)
def test_what_an_unquoted_scalar_means(text: str, value: object) -> None:
    assert yaml.resolve(text) == value
    assert type(yaml.resolve(text)) is type(value)


def test_quotes_make_text_and_their_absence_is_remembered() -> None:
    (tree,) = yaml.parse(b"{a: 1.10, b: '1.10', c: !!str 1, d: !!int '1'}").documents
    assert isinstance(tree, dict)
    assert tree == {"a": "1.10", "b": "1.10", "c": "1", "d": "1"}
    assert [type(value) for value in tree.values()] == [yaml.Plain, str, str, yaml.Plain]
    assert yaml.dump(tree) == b"a: 1.10\nb: '1.10'\nc: '1'\nd: 1\n"


def test_merge_keys_draw_in_what_is_not_there() -> None:
    text = b"a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\n"
    tree = yaml.load(text)
    assert isinstance(tree, dict)
    assert tree["c"] == {"x": 0, "y": 1, "z": 2}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (b"a: [", (2, 1), "did not find"),
        (b"a: *b", (1, 4), "names nothing before it"),
        (b"a: &a [*a]", (1, 8), "names nothing before it"),
        (b"ok: 1\nb: \xff", (2, 4), "UTF-8"),
        (b"a: \x01", (1, 4), "control characters"),
        (b"%YAML 3.0\n---\na", (1, 1), "incompatible YAML document"),
    ],
)
def test_text_that_cannot_be_read(text: bytes, place: tuple[int, int], message: str) -> None:
    with pytest.raises(yaml.YamlErrors) as caught:
        yaml.parse(text)
    (trouble,) = caught.value.troubles
    assert (trouble.line, trouble.column) == place
    assert message in trouble.message


@pytest.mark.parametrize(
    "text",
    [
        b"!!python/object:os.system {}",
        b"!!python/name:os.system ''",
        b"!x 1",
        b"!!binary aGk=",
        b"!!set {a}",
        b"!!omap []",
    ],
)
def test_foreign_tags_are_never_constructed(text: bytes) -> None:
    with pytest.raises(yaml.YamlErrors, match="is not read"):
        yaml.load(text)


def test_every_duplicate_key_is_told_at_once() -> None:
    stream = yaml.parse(b"a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [(trouble.line, trouble.column, trouble.text) for trouble in stream.troubles] == [(2, 1, "a"), (3, 11, "c")]


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        (b"[a, b, c]", yaml.Limits(nodes=3)),
        (b"[[[a]]]", yaml.Limits(depth=3)),
        (b"x: &x [a]\ny: [*x, *x]", yaml.Limits(aliases=1)),
        (b"x: &x [a, b, c]\ny: [*x, *x]", yaml.Limits(nodes=15)),
        (b"x: &x [[a]]\ny: [[*x]]", yaml.Limits(depth=5)),
        (b"a" * 11, yaml.Limits(size=10)),
    ],
)
def test_limits_count_what_aliases_expand_to(text: bytes, limits: yaml.Limits) -> None:
    with pytest.raises(yaml.YamlErrors, match=r"more than|at most"):
        yaml.parse(text, limits)


def test_one_within_the_limits_is_read() -> None:
    text = b"x: &x [a, b, c]\ny: [*x, *x]"
    assert yaml.load(text, yaml.Limits(nodes=16, aliases=2, depth=4)) == {"x": [*"abc"], "y": [[*"abc"], [*"abc"]]}


def test_one_document_is_expected_of_load() -> None:
    assert yaml.load(b"") is None
    assert yaml.load(b"---\n---\na: 1\n") == {"a": 1}
    with pytest.raises(yaml.YamlErrors, match="2 documents where one is expected"):
        yaml.load(b"a: 1\n---\nb: 1\n")


@given(
    st.lists(
        st.dictionaries(
            st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.lists(st.integers(0, 99), max_size=3), min_size=1
        ),
        min_size=1,
        max_size=3,
    )
)
def test_marks_point_at_the_text(documents: list[dict[str, list[int]]]) -> None:
    data = yaml.dump_all(documents)
    lines = data.decode().splitlines()
    paths = [(n, key, i) for n, tree in enumerate(documents) for key, items in tree.items() for i in range(len(items))]
    marks = yaml.locate(data, paths)
    for path in paths:
        line, column = marks[path].value
        number = str(documents[path[0]][path[1]][path[2]])
        assert lines[line - 1][column - 1 :] == number == marks[path].text
        line, column = marks[path[:2]].key
        assert yaml.load(lines[line - 1][column - 1 :].partition(":")[0].encode() + b": 0") is not None


def test_marks_of_keys_with_dots_and_through_aliases() -> None:
    data = b"a.b: &x\n  c: 1\nd: *x\n"
    marks = yaml.locate(data, [(0, "a.b", "c"), (0, "d", "c")])
    assert marks[0, "a.b", "c"].key == (2, 3)
    assert (0, "d", "c") not in marks
    assert marks[0, "d"].value == (3, 4)


@given(st.binary(max_size=60) | st.text("[]{}:,&*!|>-? \n\"'#%ab<1~", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        stream = yaml.parse(data, yaml.Limits(nodes=1000, depth=20, aliases=10))
    except yaml.YamlErrors as error:
        assert error.troubles
        return
    for document in stream.documents:
        yaml.builtins(document)
    yaml.locate(data, [(0, "a")])
