"""Numbers, switches and quantities of the machine config. Each parser takes the scalar's text and raises Invalid."""

import re
from collections.abc import Callable
from typing import Annotated, Final

from core.base.errors import Invalid
from core.base.units import parse_duration, parse_size
from core.codec.yaml.scalar import NO, YES, integer
from core.config.schema.base import Scalar

_COMPARATOR: Final = re.compile(r"\s*(==|>=|<=|>|<|)\s*(\S.*)", re.ASCII)


def boolean(text: str) -> bool:
    """YAML 1.1's switches: true, yes, on, y and their opposites."""
    if text in YES:
        return True
    if text in NO:
        return False
    raise Invalid("not a switch", remedy="write true or false, without quotes")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = integer(text)
        if number is None:
            raise Invalid("not a whole number", remedy="write digits, without quotes")
        if not low <= number <= high:
            raise Invalid(f"{number} is out of range", remedy=f"take {low} to {high}")
        return number

    return parse


def _octal(text: str) -> int:
    mode = integer(text)
    if mode is None or not 0 <= mode <= 0o7777:
        raise Invalid("not a file mode", remedy="write it in octal, such as 0o644")
    return mode


def _comparator(text: str) -> str:
    match = _COMPARATOR.fullmatch(text)
    if match is None:
        raise Invalid("not a size with a comparison", remedy="write it like '>= 100GB'")
    parse_size(match[2])
    return str(text)


Bool = Scalar("true or false", boolean, plain=True)
Text = Scalar("text", str)
Int = Annotated[int, Scalar("a whole number", _whole(-(2**63), 2**63 - 1), plain=True)]
Natural = Annotated[int, Scalar("a whole number, zero or more", _whole(0, 2**31 - 1), plain=True)]
UInt8 = Annotated[int, Scalar("a number 0 to 255", _whole(0, 2**8 - 1), plain=True)]
UInt16 = Annotated[int, Scalar("a number 0 to 65535", _whole(0, 2**16 - 1), plain=True)]
UInt32 = Annotated[int, Scalar("a number 0 to 2^32-1", _whole(0, 2**32 - 1), plain=True)]
UInt64 = Annotated[int, Scalar("a number 0 to 2^64-1", _whole(0, 2**64 - 1), plain=True)]
Port = Annotated[int, Scalar("a port", _whole(0, 65535), plain=True)]
Octal = Annotated[int, Scalar("a file mode in octal", _octal, plain=True)]
Duration = Annotated[float, Scalar("a duration such as 1m30s", parse_duration)]
"""Seconds."""
Size = Annotated[int, Scalar("a size such as 100MiB", parse_size)]
"""Bytes."""
SizeComparator = Annotated[str, Scalar("a size with a comparison, such as '>= 100GB'", _comparator)]
