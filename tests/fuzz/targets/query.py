"""What people and programs write in one line: patterns of a query (against a text, as Python's `re` sees it where both
take it), durations, sizes, event ids, addresses to dial."""

import math
import re
from collections.abc import Iterator

from core.base import units
from core.base.errors import Invalid
from core.codec.xid import Xid
from core.rpc.dial import Target as Address
from core.state.pattern import Pattern
from tests.fuzz.target import Target, attempt

_PLAIN = re.compile(r"[a-z0-9.*+?|()^$-]{,40}")  # where RE2's syntax and Python's are the same
_APART = re.compile(r"[*+?]{2}|\)[*+?]|[*+]\)|[\^$][*+?]")  # but here; and where `re` could go astray


def check(data: bytes) -> None:
    first, _, rest = data.decode("utf-8", "replace").partition("\n")
    pattern = attempt(Invalid, Pattern.compile, first)
    if pattern is not None:
        found = pattern.found_in(rest[:200])
        if _PLAIN.fullmatch(first) and not _APART.search(first) and "\n" not in rest[:200]:
            assert found == (re.search(first.replace("$", r"\Z"), rest[:200]) is not None), (first, rest[:200])
    seconds = attempt(Invalid, units.parse_duration, first)
    if seconds is not None and abs(seconds) < 2**53 / 1e9:
        assert math.isclose(units.parse_duration(units.format_duration(seconds)), seconds, abs_tol=1e-9)
    size = attempt(Invalid, units.parse_size, first)
    assert size is None or (size >= 0 and units.format_size(size))
    xid = attempt(Invalid, Xid.parse, first)
    assert xid is None or str(xid) == first
    address = attempt(Invalid, Address.parse, first)
    assert address is None or address.path is not None or 0 <= address.port < 65536


def seeds() -> Iterator[bytes]:
    for line in (
        *("1h30m5.25s", "-1.5h", "500ms", "1µs", "100MiB", "1.5 GB", "4096", "d0o2g4c1v5ic73b7drq0"),
        *("10.0.0.1:50000", "[fd00::1]:50000", "unix:/run/x", "localhost:1", "/run/ichor/apid.sock"),
        *("^eth[0-9]+$\neth12", "a|b*(c|d)?\nxxcd", "[^a-c]{2,3}\\d\nzz9", "(?:ab)+?c\nababc", "a{,3}\na", "^$\n"),
    ):
        yield line.encode()


TARGET = Target(check, seeds, runs=4000, largest=512)
