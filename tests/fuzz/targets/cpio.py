"""Archives of the kernel's initramfs format."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.codec import cpio
from core.codec.member import Member
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    members = attempt(Invalid, lambda: list(cpio.unpack(data)))
    if members is not None:
        packed = cpio.pack(members)
        assert list(cpio.unpack(packed)) == members
        assert cpio.pack(cpio.unpack(packed)) == packed


def members() -> list[Member]:
    """One of each kind."""
    return [
        Member.folder("dev"),
        Member.device("dev/console", 5, 1),
        Member.file("init", b"\x7fELF" + bytes(60), 0o755),
        Member.link("bin", "usr/bin"),
        Member.file("modules/order", b"a.ko\nb.ko\n"),
    ]


def seeds() -> Iterator[bytes]:
    for count in (0, 1, 3, 5):
        yield cpio.pack(members()[:count])


TARGET = Target(check, seeds, runs=40_000, minutes=5)
