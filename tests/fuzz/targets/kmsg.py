"""Records of the kernel's log."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.codec import kmsg
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    record = attempt(Invalid, kmsg.parse, data)
    if record is not None:
        line = kmsg.line(record, 1_700_000_000.5)
        assert line.endswith(record.text + b"\n")
        assert len(record.text) <= len(data)
        assert record.priority in kmsg.PRIORITIES


def seeds() -> Iterator[bytes]:
    yield b"6,339,5140900,-;NET: Registered PF_INET6 protocol family\n"
    yield b"30,340,5690716,-,caller=T1;udevd[80]: starting version 181\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:03.0\n"
    yield b"4,1,0,c;cut \\x1b[31mline\\x0a\n"
    yield b"190,99999999,999999999999999,-;\n"


TARGET = Target(check, seeds, runs=40_000)
