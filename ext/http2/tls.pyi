from collections.abc import Iterable

class TLSError(Exception): ...

def live() -> tuple[int, int]: ...

class TLSContext:
    server: bool
    def __init__(
        self,
        server: bool,
        *,
        certificate: bytes | None = None,
        key: bytes | None = None,
        authorities: bytes | None = None,
        pins: Iterable[bytes] = (),
        name: str | None = None,
        name_is_address: bool = False,
    ) -> None: ...

class Engine:
    up: bool
    def __init__(self, context: TLSContext) -> None: ...
