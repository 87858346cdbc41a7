"""Kubernetes' quantities of memory: a number with a suffix (apimachinery, pkg/api/resource/quantity.go)."""

import re
from decimal import Decimal
from typing import Final

from core.base.errors import Invalid

_FORM: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?", re.ASCII)
_UNITS: Final = {f"{unit}i": Decimal(1024**power) for power, unit in enumerate("KMGTPE", 1)} | {
    unit: Decimal(1000) ** power for power, unit in zip((-3, -2, -1, 1, 2, 3, 4, 5, 6), "numkMGTPE", strict=True)
}


def in_bytes(text: str) -> int:
    """The whole bytes of `text`, such as 512Mi or 1.5e9. Raises Invalid."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise Invalid(f"{text!r} is no quantity", remedy="write it like 512Mi")
    number, exponent, unit = found.groups()
    return int(Decimal(number + (exponent or "")) * _UNITS.get(unit, Decimal(1)))
