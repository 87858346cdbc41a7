from collections.abc import Iterable

from typing_extensions import disjoint_base

from ext.http2.session import Stream

OTHER: bytes
BOUNDS: tuple[float, ...]

@disjoint_base
class Cell: ...

@disjoint_base
class Tally:
    def __init__(self, methods: Iterable[bytes]) -> None: ...
    def ended(self, stream: Stream, code: int) -> None: ...
    def rows(self) -> list[tuple[bytes, int, tuple[int, ...], float]]: ...

def identity(row: tuple[bytes, int, object]) -> tuple[bytes, int]: ...
