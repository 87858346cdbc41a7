"""What one peer may cost: every bound of a connection and of a server's connections together, as one value. README.md
says what happens at each."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Sizes in bytes, times in seconds; a client's session heeds those of a session alone."""

    message: int = 32 << 20
    """Of one message."""
    buffer: int = 128 << 20
    """Of what came and no handler has taken, on all streams of a connection together."""
    output: int = 64 << 20
    """Of what a server's handlers said and the peer has not read, on all streams of a connection together."""
    headers: int = 64 << 10
    """Of a header list, names, values and 32 for each field (RFC 9113, 6.5.2)."""
    fields: int = 256
    """In a header list."""
    continuations: int = 8
    """Frames a header block may be continued in."""
    streams: int = 1024
    """Open at once on a connection."""
    resets: int = 1000
    """Streams that a client may reset, or make a server reset, before `resets_rate` a second counts."""
    resets_rate: int = 200
    noise: int = 10_000
    """Frames that bring nothing (pings, settings, window updates, priorities, empty or unknown ones), beyond three for
    each that does, before `noise_rate` a second counts."""
    noise_rate: int = 1000
    connections: int = 1024
    """Of a server; more wait in the backlog."""
    addresses: int = 256
    """Connections from one address (IPv6: one /64); more are closed at once."""
    handshakes: int = 256
    """Connections whose peer has not said SETTINGS yet; the oldest gives way to a new one."""
    handshake: float = 10.0
    """For TLS and SETTINGS."""
    patience: float = 30.0
    """For headers to be complete, for 64 KiB of a message that has begun or is due, for the socket to take a byte."""
    idle: float = 300.0
    """For a connection without calls, and for a finished reply of which the peer reads nothing; 0: for ever."""
