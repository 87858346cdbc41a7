from collections.abc import Iterable
from typing import Self

from typing_extensions import disjoint_base

class TLSError(Exception): ...

def live() -> tuple[int, int]: ...
@disjoint_base
class TLSContext:
    server: bool
    def __new__(
        cls,
        server: bool,
        *,
        certificate: bytes | None = None,
        key: bytes | None = None,
        authorities: bytes | None = None,
        pins: Iterable[bytes] = (),
    ) -> Self: ...

@disjoint_base
class Engine:
    up: bool
    def __new__(cls, context: TLSContext) -> Self: ...
