"""A watch's stream cut into its events: a JSON object a line (API concepts, "Efficient detection of changes"). Owns the
cutting and nothing of what the events tell."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import msgspec

from core.base.errors import Invalid
from core.cluster.kubernetes.exchange import Exchange, pieces
from core.cluster.kubernetes.paths import Object
from core.cluster.kubernetes.refusal import Status, refusal

LINE: Final = 8 << 20  # bytes of one event; etcd takes things of 1.5 MiB


class Event(NamedTuple):
    """ADDED, MODIFIED, DELETED, or BOOKMARK, whose thing has nothing but its version."""

    kind: str
    thing: Object


class Lines:
    """Lines out of pieces of any size. Raises Invalid for one without an end."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Whole lines, without what ends them."""
        *whole, rest = piece.split(b"\n")
        for line in whole:
            self._rest += line
            if self._rest:
                yield bytes(self._rest)
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > LINE:
            raise Invalid(f"an event of more than {LINE >> 20} MiB")


class _Wire(msgspec.Struct):
    type: str
    object: dict[str, Any]


_decoder: Final = msgspec.json.Decoder(_Wire)


def parse(line: bytes) -> Event:
    """Raises Invalid, and what an ERROR says."""
    try:
        found = _decoder.decode(line)
        if found.type == "ERROR":
            raise refusal(msgspec.convert(found.object, Status))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Invalid("the apiserver sent an event that is none") from None
    return Event(found.type, found.object)


async def events(exchange: Exchange) -> AsyncGenerator[Event]:
    """The events of a watch, until the server ends it."""
    lines = Lines()
    async with exchange.answered() as stream, aclosing(pieces(stream, exchange)) as came:
        async for piece in came:
            for line in lines.feed(piece):
                yield parse(line)
