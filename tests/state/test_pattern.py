"""Patterns against Python's own, which is right where it is fast enough to ask."""

import re
import warnings

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.state.pattern import Pattern

atoms = st.sampled_from(
    [
        "a",
        "b",
        "-",
        "/",
        ".",
        r"\.",
        r"\d",
        r"\W",
        r"\n",
        "[ab]",
        "[^a]",
        "[a-c0-9]",
        "[]a]",
        "[a-]",
        r"[\d.]",
        "^",
        "$",
    ]
)
counts = st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,1}", "{1,}", "{0}", "*?", "+?"])


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("({}){}".format, inner, counts) | st.builds("(?:{}){}".format, inner, counts)
    return group | st.lists(inner, max_size=3).map("".join) | st.builds("{}|{}".format, inner, inner)


# an anchor may be repeated in RE2 and not in Python
repeated = st.builds("{}{}".format, atoms.filter(lambda a: a not in "^$"), counts) | atoms
patterns = st.recursive(repeated, _grow, max_leaves=8)


@given(patterns, st.text("ab-/.01\n", max_size=12))
@example("(a*)*$", "aaaa")
@example("(|a)+b", "ab")
@example("^$", "")
@example("a|b|", "x")
def test_the_same_as_re(text: str, sample: str) -> None:
    try:
        ours = Pattern.compile(text)
    except Invalid as error:
        assume("too large" not in str(error))
        raise
    with warnings.catch_warnings(action="ignore"):
        try:
            theirs = re.compile(text.replace("$", r"\Z"), re.ASCII)  # Python's $ also matches before a last newline
        except re.error:
            assume(False)
    assert ours.found_in(sample) is (theirs.search(sample) is not None)


@pytest.mark.parametrize("evil", ["(a+)+$", "^(a|a)*$", "(.*)*x", "a*a*a*a*a*a*a*a*a*b", "(a?){60}b"])
def test_no_pattern_takes_long(evil: str) -> None:
    """Python's own would not come back in our lifetime."""
    assert not Pattern.compile(evil).found_in("a" * 500 + "c")


@pytest.mark.parametrize(
    "wrong",
    [
        "(", ")", "a)", "[", "[a", "*", "a**b{", "{2}", "a{", "a{2", "a{2,1}", "[b-a]", "\\", r"\b", r"(a)\1",
        "(?i)a", "(?=a)", "[[:alpha:]]", r"\pL", "a{999}", "(a{50}){50}", "a" * 1000, "(" * 10000, "|" * 10000,
    ],
)  # fmt: skip
def test_what_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid):
        Pattern.compile(wrong)


@given(st.text(max_size=40), st.text(max_size=20))
def test_anything_is_refused_or_answers(text: str, sample: str) -> None:
    try:
        pattern = Pattern.compile(text)
    except Invalid:
        return
    pattern.found_in(sample)
