from typing import Final

EXHAUSTED: Final = 8
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
MEANING: Final[dict[int, str]]

class FramingError(Exception):
    code: int
    message: str
    def __init__(self, code: int, message: str = "") -> None: ...

class Decoder:
    fault: int
    held: int
    def __init__(self, limit: int) -> None: ...
    def feed(self, data: bytes) -> None: ...
    def take(self) -> bytes | None: ...
    def end(self) -> None: ...

class Encoder:
    pending: int
    def put(self, message: bytes) -> None: ...
    def read(self, limit: int) -> bytes: ...
