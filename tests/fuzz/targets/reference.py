"""Names of images as clients send them: refused, or one image's name that is read back as itself."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.codec.reference import Reference, is_registry
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    found = attempt(Invalid, Reference.parse, text)
    if found is not None:
        assert Reference.parse(str(found)) == found
        assert is_registry(found.registry)
        assert str(found).isascii()
        assert ".." not in found.repository  # which becomes a path; a tag may have dots between others
        assert found.tag not in (".", "..")


def seeds() -> Iterator[bytes]:
    yield b"registry.k8s.io/coredns/coredns:v1.11.3"
    yield b"[fd00::1]:5000/a__b/c.d-e:x@sha256:" + b"ab" * 32
    yield b"busybox"
    yield b"index.docker.io/library/a:latest"
    yield b"a" * 255
    yield b"http://a/b\n"


TARGET = Target(check, seeds, runs=30_000, largest=512, minutes=5)
