"""Label and id queries of cosi.resource as predicates of the store."""

from collections.abc import Iterable
from typing import Final

from core.base.errors import Invalid
from core.rpc.pb.v1alpha1 import resource_pb2 as pb
from core.state import Op, Query, Term
from core.state.pattern import Pattern

_OPS: Final = {
    pb.LabelTerm.EXISTS: Op.EXISTS,
    pb.LabelTerm.EQUAL: Op.EQUAL,
    pb.LabelTerm.NOT_EXISTS: Op.EXISTS,
    pb.LabelTerm.IN: Op.IN,
    pb.LabelTerm.LT: Op.LT,
    pb.LabelTerm.LTE: Op.LTE,
    pb.LabelTerm.LT_NUMERIC: Op.LT_NUMERIC,
    pb.LabelTerm.LTE_NUMERIC: Op.LTE_NUMERIC,
}


def to_query(labels: Iterable[pb.LabelQuery], id_query: pb.IDQuery) -> Query:
    """The same question. Raises Invalid for an operator or a pattern that is none."""
    pattern = Pattern.compile(id_query.regexp) if id_query.regexp else None
    return Query(tuple(tuple(_term(term) for term in query.terms) for query in labels), pattern)


def _term(term: pb.LabelTerm) -> Term:
    op = _OPS.get(term.op)
    if op is None:
        raise Invalid(f"label operator {term.op} is not known")
    negated = term.op == pb.LabelTerm.NOT_EXISTS
    return Term(term.key, op, tuple(term.value), term.invert is not negated)
