"""Durations and sizes as people write them: Go durations ("1h30m", "500ms") and byte sizes, decimal and binary."""

import re
from typing import Final

from core.base.errors import Invalid

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_SIZE: Final = re.compile(r"([0-9]+\.?\d*|\.\d+)\s*((?:[kKmMgGtTpP]i?)?)[bB]?", re.ASCII)
_LONGEST: Final = 100  # characters: Python refuses to read numbers of thousands of digits
_SPAN: Final = 2**63 - 1  # nanoseconds: what Go's durations hold, about 292 years
_ONE: Final = 10**_LONGEST  # numbers are counted in this part of one, so that each that is short enough is exact
_MULTIPLE: Final[dict[str, int]] = {
    "": 1,
    **{p: 1000 ** (n + 1) for n, p in enumerate("kmgtp")},
    **{f"{p}i": 1024 ** (n + 1) for n, p in enumerate("kmgtp")},
}


def parse_duration(text: str) -> float:
    """Seconds of a Go duration ("-1.5h", "1m30s", "0"). Raises Invalid."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0.0
    total = end = 0
    for match in _DURATION.finditer(rest[: _LONGEST + 1]):
        if match.start() != end:
            break
        total += _exact(match[1]) * _NANOSECONDS[match[2]]
        end = match.end()
    if not rest or end != len(rest):
        raise Invalid(f"{text[:_LONGEST]!r} is not a duration", remedy="write it like 1h30m, 10s or 500ms")
    if total > _SPAN * _ONE:
        raise Invalid(f"{text!r} is longer than any duration", remedy="durations end at 292 years")
    return sign * total / (_ONE * 10**9)


def format_duration(seconds: float) -> str:
    """The Go spelling, to the nanosecond: 5400 -> "1h30m0s", 0.5 -> "500ms", 0 -> "0s"."""
    ns = round(abs(seconds) * 10**9)
    sign = "-" if seconds < 0 and ns else ""
    if ns == 0:
        return "0s"
    for limit, unit, scale in ((10**3, "ns", 1), (10**6, "µs", 10**3), (10**9, "ms", 10**6)):
        if ns < limit:
            return f"{sign}{_decimal(ns, scale)}{unit}"
    hours, rest = divmod(ns, 3600 * 10**9)
    minutes, rest = divmod(rest, 60 * 10**9)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{_decimal(rest, 10**9)}s"


def parse_size(text: str) -> int:
    """Bytes of "100MiB", "1.5GB" or "4096". Raises Invalid."""
    match = _SIZE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        raise Invalid(f"{text[:_LONGEST]!r} is not a size", remedy="write it like 100MiB, 1GB or a number of bytes")
    return _exact(match[1]) * _MULTIPLE[match[2].lower()] // _ONE


def format_size(size: int) -> str:
    """A size for people, decimal: 1500000 -> "1.5 MB"."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 999.5 or unit == "TB":  # three digits, also once rounded to them
            return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 999.5 else f"{value:.3g} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def _exact(number: str) -> int:
    """ "1.5" in parts of _ONE."""
    whole, _, rest = number.partition(".")
    return int(whole + rest.ljust(_LONGEST, "0"))


def _decimal(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(scale)) - 1, '0').rstrip('0')}"
