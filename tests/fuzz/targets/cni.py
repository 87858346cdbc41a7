"""What a CNI plugin prints, when it worked and when it failed."""

from collections.abc import Iterator

from core.base.errors import Invalid
from core.node.containers import cni
from tests.fuzz.target import Target, attempt


def check(data: bytes) -> None:
    assert cni._complaint(1, data)
    found = attempt(Invalid, cni._decoded, data, "bridge")
    assert found is None or isinstance(found, dict)


def seeds() -> Iterator[bytes]:
    yield b'{"cniVersion":"1.0.0","ips":[{"address":"10.5.0.2/24","gateway":"10.5.0.1"}],"dns":{}}'
    yield b'{"code":7,"msg":"no addresses left","details":"10.5.0.0/30"}'
    yield b'["msg"]'
    yield b'{"msg":["\\ud83d\\ude00"],"details":null}'
    yield b"panic: runtime error\n\xff"


TARGET = Target(check, seeds, runs=30_000, largest=1024)
