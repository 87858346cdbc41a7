"""What Prometheus's own parser reads in OpenMetrics text."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.openmetrics import parser

from core.codec.openmetrics import Family, render

Values = dict[str, dict[tuple[str, ...], float]]


def parsed(text: str) -> Iterator[Any]:
    """The families. Raises ValueError for what breaks the format's rules."""
    yield from parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]


def values(text: str) -> Values:
    """Sample's name -> the values of its labels, in their order -> value."""
    found: Values = {}
    for family in parsed(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = float(sample.value)
    return found


def read(*families: Family) -> Values:
    """The same of families that are not text yet."""
    return values(render(families).decode())
