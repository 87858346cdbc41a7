"""Which resources a list or a watch wants: label terms and a pattern over ids. Pure predicates over metadata."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from core.base.errors import Invalid
from core.base.units import parse_size
from core.state.metadata import Metadata
from core.state.pattern import Pattern


class Op(enum.Enum):
    """How a term compares a label's value."""

    EXISTS = enum.auto()
    EQUAL = enum.auto()
    IN = enum.auto()
    LT = enum.auto()
    LTE = enum.auto()
    LT_NUMERIC = enum.auto()
    LTE_NUMERIC = enum.auto()


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one label. A missing label satisfies no comparison; `invert` turns the answer round."""

    key: str
    op: Op = Op.EXISTS
    values: tuple[str, ...] = ()
    invert: bool = False

    def __post_init__(self) -> None:
        if self.op not in (Op.EXISTS, Op.IN) and len(self.values) != 1:
            raise Invalid(f"label term {self.key} {self.op.name} takes one value, {len(self.values)} given")

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        return (value is not None and _COMPARE[self.op](value, self.values)) is not self.invert


@dataclass(frozen=True, slots=True)
class Query:
    """Label queries (any of them, each all of its terms) and a pattern found in the id."""

    labels: tuple[tuple[Term, ...], ...] = ()
    id: Pattern | None = None

    @staticmethod
    def where(**labels: str) -> "Query":
        """All of these labels have these values."""
        return Query((tuple(Term(key, Op.EQUAL, (value,)) for key, value in labels.items()),))

    @staticmethod
    def ids(pattern: str) -> "Query":
        """The pattern is found in the id. Raises Invalid if it is none."""
        return Query(id=Pattern.compile(pattern))

    def matches(self, md: Metadata) -> bool:
        if self.id is not None and not self.id.found_in(md.id):
            return False
        return not self.labels or any(all(term.matches(md.labels) for term in terms) for terms in self.labels)


EVERYTHING: Final = Query()
DIGITS: Final = 32  # of a label that is compared as a number; longer ones are text


def _number(text: str) -> float | None:
    if len(text) > DIGITS:
        return None
    try:
        return float(parse_size(text))
    except Invalid:
        return None


def _numeric(compare: Callable[[float, float], bool]) -> Callable[[str, tuple[str, ...]], bool]:
    def answer(value: str, against: tuple[str, ...]) -> bool:
        left, right = _number(value), _number(against[0])
        return left is not None and right is not None and compare(left, right)

    return answer


_COMPARE: Final[Mapping[Op, Callable[[str, tuple[str, ...]], bool]]] = {
    Op.EXISTS: lambda value, against: True,
    Op.EQUAL: lambda value, against: value == against[0],
    Op.IN: lambda value, against: value in against,
    Op.LT: lambda value, against: value < against[0],
    Op.LTE: lambda value, against: value <= against[0],
    Op.LT_NUMERIC: _numeric(lambda left, right: left < right),
    Op.LTE_NUMERIC: _numeric(lambda left, right: left <= right),
}
