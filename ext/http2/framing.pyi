from typing import Final, Self

from typing_extensions import disjoint_base

EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
MEANING: Final[dict[int, str]]

class FramingError(Exception):
    code: int
    message: str
    def __init__(self, code: int, message: str = "") -> None: ...

@disjoint_base
class Decoder:
    fault: int
    held: int
    def __new__(cls, limit: int, prefix: int = 5) -> Self: ...
    def feed(self, data: bytes) -> None: ...
    def take(self) -> bytes | None: ...
    def end(self) -> None: ...

@disjoint_base
class Encoder:
    pending: int
    def put(self, message: bytes) -> None: ...
    def read(self, limit: int) -> bytes: ...
