"""HTTP/2's outermost layer for targets and seeds: frames, and what opens a connection (RFC 9113, 3.4 and 4.1)."""

from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


OPENING: Final = PREFACE + frame(SETTINGS, 0, 0)


def message(content: bytes) -> bytes:
    """A gRPC message with its prefix."""
    return b"\0" + len(content).to_bytes(4, "big") + content
