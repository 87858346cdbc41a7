"""Records of /dev/kmsg (Documentation/ABI/testing/dev-kmsg) to values, and to the lines that people are shown."""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from core.base.errors import Invalid

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
PRIORITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_HEAD: Final = re.compile(rb"(\d{1,9}),(\d{1,19}),(\d{1,15}),[^;\n]*;([^\n]*)", re.ASCII)
_ESCAPE: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")


class Record(msgspec.Struct, frozen=True):
    """One message: `since_boot` in microseconds of the kernel's clock, `text` with the kernel's escapes undone."""

    sequence: int
    since_boot: int
    facility: str
    priority: str
    text: bytes


def parse(data: bytes) -> Record:
    """What one read of the device gave. Raises Invalid."""
    match = _HEAD.match(data)
    if match is None:
        raise Invalid(f"not a kernel log record: {data[:40]!r}")
    number, sequence, since_boot = (int(match[i]) for i in (1, 2, 3))
    code = number >> 3
    facility = FACILITIES[code] if code < len(FACILITIES) else str(code)
    text = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), match[4])
    return Record(sequence, since_boot, facility, PRIORITIES[number & 7], text)


def line(record: Record, booted: float) -> bytes:
    """`facility: priority: [time]: text` and a newline; `booted` is the Unix time at which the kernel's clock began."""
    stamp = rfc3339(round(booted * 10**9) + record.since_boot * 1000)
    return f"{record.facility}: {record.priority:>7}: [{stamp}]: ".encode() + record.text + b"\n"


def rfc3339(ns: int) -> str:
    """Unix nanoseconds as RFC 3339 in UTC with as many digits as there are."""
    seconds, rest = divmod(ns, 10**9)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
