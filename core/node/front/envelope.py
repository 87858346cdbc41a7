"""Answers of several nodes in one call, as bytes: each element is told whose it is, and a failure is an element too.

Sans I/O. Elements stay as their node encoded them: a reply of the services that fan out is `repeated ... messages = 1`,
every element and every streamed message has `common.Metadata metadata = 1`, and a field that is appended is merged.
"""

from typing import Final

from core.base.errors import Invalid
from core.rpc.pb.common.common_pb2 import Metadata
from core.rpc.pb.google.rpc.status_pb2 import Status
from core.rpc.status import RpcError

_FIRST: Final = b"\x0a"  # field 1, length-delimited: `messages` of a reply, `metadata` of an element
_LONGEST: Final = 5  # bytes of a length; a message has less than 4 GiB


def message(data: bytes, node: str) -> bytes:
    """A streamed message of `node`, with its name."""
    return data + _field(Metadata(hostname=node).SerializeToString())


def reply(data: bytes, node: str) -> bytes:
    """A unary reply of `node`, each element with its name; one that holds none gets an element. Raises Invalid."""
    name = _field(Metadata(hostname=node).SerializeToString())
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        begin, end = _element(data, at)
        parts.append(_field(data[begin:end] + name))
        at = end
    return b"".join(parts) or _field(name)


def failure(error: RpcError, node: str, *, streaming: bool) -> bytes:
    """What stands in for the answer of `node`: a streamed message, or a whole reply."""
    status = Status.FromString(error.packed())
    element = _field(Metadata(hostname=node, error=error.message, status=status).SerializeToString())
    return element if streaming else _field(element)


def _element(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends."""
    if data[at : at + 1] == _FIRST:
        length = 0
        for count, byte in enumerate(data[at + 1 : at + 1 + _LONGEST]):
            length |= (byte & 0x7F) << 7 * count
            if byte < 0x80:
                begin = at + 2 + count
                if begin + length <= len(data):
                    return begin, begin + length
                break
    raise Invalid("the node's reply is not a list of messages")


def _field(content: bytes) -> bytes:
    length = len(content)
    digits = bytearray()
    while length >= 0x80:
        digits.append(length & 0x7F | 0x80)
        length >>= 7
    digits.append(length)
    return b"".join((_FIRST, digits, content))
