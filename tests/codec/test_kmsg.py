"""The kernel's log format, from its documentation's examples and at random."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import kmsg


def test_the_documented_record() -> None:
    data = b"7,160,424069,-;pci_root PNP0A03:00: host bridge window [io  0x0000-0x0cf7] (ignored)\n SUBSYSTEM=acpi\n"
    record = kmsg.parse(data)
    assert (record.sequence, record.since_boot, record.facility, record.priority) == (160, 424069, "kern", "debug")
    assert kmsg.line(record, 1_700_000_000.0) == (
        b"kern:   debug: [2023-11-14T22:13:20.424069Z]: "
        b"pci_root PNP0A03:00: host bridge window [io  0x0000-0x0cf7] (ignored)\n"
    )


def test_escapes_flags_and_other_facilities() -> None:
    record = kmsg.parse(rb"30,5,6,c,caller=T1;tab\x09 \x5c")
    assert (record.facility, record.priority, record.text) == ("daemon", "info", b"tab\t \\")
    assert kmsg.parse(b"999,5,6,-;x").facility == "124"


@given(st.binary(max_size=200))
def test_anything_is_parsed_or_invalid(data: bytes) -> None:
    try:
        kmsg.parse(data)
    except Invalid:
        return


@pytest.mark.parametrize("data", [b"", b"1,2;x", b"a,2,3,-;x", b"1,2,3,-", b"-1,2,3,-;x"])
def test_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        kmsg.parse(data)


@given(st.integers(0, 4 * 10**18))
def test_times_read_back(ns: int) -> None:
    text = kmsg.rfc3339(ns)
    whole, _, fraction = text.removesuffix("Z").partition(".")
    assert int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0") or 0) == ns
    assert not fraction.endswith("0")
