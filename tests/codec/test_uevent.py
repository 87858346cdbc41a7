"""Uevent datagrams: the kernel's own from sysfs, roundtrip, any bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import uevent

WORDS = st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_a_kernel_event() -> None:
    event = uevent.decode(b"add@/devices/pci0000:00/x\0ACTION=add\0SUBSYSTEM=pci\0MODALIAS=pci:v1AF4=\0SEQNUM=7\0")
    assert (event.action, event.devpath, event.subsystem) == ("add", "/devices/pci0000:00/x", "pci")
    assert event.modalias == "pci:v1AF4="
    assert event.values["SEQNUM"] == "7"


@given(st.dictionaries(WORDS, WORDS))
def test_roundtrip(values: dict[str, str]) -> None:
    event = uevent.Uevent("change", "/devices/x", values)
    assert uevent.decode(uevent.encode(event)) == event


@pytest.mark.parametrize("data", [b"", b"libudev\0\xfe\xed", b"add@x\0", b"add@/x\0novalue\0", b"@/x\0"])
def test_what_is_no_kernel_event_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        uevent.decode(data)


@given(st.binary())
def test_any_bytes_are_an_event_or_refused(data: bytes) -> None:
    for datagram in (data, b"add@/" + data):
        with suppress(Invalid):
            assert uevent.decode(datagram).devpath.startswith("/")
