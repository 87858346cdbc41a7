KEY: int
NONCE: int
TAG: int
LARGEST: int

def seal(key: bytes, nonce: bytes, message: bytes, extra: bytes = b"") -> bytes: ...
def unseal(key: bytes, nonce: bytes, sealed: bytes, extra: bytes = b"") -> bytes | None: ...
