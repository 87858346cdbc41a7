"""gRPC status codes, the error that carries one, and the one table that maps our errors to them."""

import enum
from collections.abc import Sequence
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message

from core.base.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Exhausted,
    IchorError,
    Invalid,
    NotFound,
    NotReady,
    Unsupported,
)
from core.rpc.pb.google.rpc.status_pb2 import Status
from ext.http2.framing import FramingError


class Code(enum.IntEnum):
    """The codes of gRPC: https://grpc.io/docs/guides/status-codes/"""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class RpcError(IchorError):
    """A call that ended with a status other than OK, on either side; `details` are protobuf messages."""

    def __init__(self, code: Code, message: str = "", details: Sequence[Message] = ()) -> None:
        super().__init__(message or code.name.lower().replace("_", " "))
        self.code = code
        self.details = tuple(details)

    def packed(self) -> bytes:
        """The grpc-status-details-bin trailer: a google.rpc.Status."""
        status = Status(code=self.code, message=self.message)
        for detail in self.details:
            if isinstance(detail, Any):
                status.details.append(detail)
            else:
                status.details.add().Pack(detail)
        return status.SerializeToString()


# the first class that fits decides; an error that is not here is a bug of ours: INTERNAL, and logged
CODES: Final[tuple[tuple[type[Exception], Code], ...]] = (
    (NotFound, Code.NOT_FOUND),
    (AlreadyExists, Code.ALREADY_EXISTS),
    (Conflict, Code.FAILED_PRECONDITION),
    (NotReady, Code.UNAVAILABLE),
    (Invalid, Code.INVALID_ARGUMENT),
    (Denied, Code.PERMISSION_DENIED),
    (Unsupported, Code.UNIMPLEMENTED),
    (Exhausted, Code.RESOURCE_EXHAUSTED),
    (FileNotFoundError, Code.NOT_FOUND),
    (FileExistsError, Code.ALREADY_EXISTS),
    (TimeoutError, Code.DEADLINE_EXCEEDED),
    (ConnectionError, Code.UNAVAILABLE),
)


def from_error(error: Exception) -> RpcError | None:
    """The status that tells a caller of `error`, or None when it is unexpected."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        return from_error(error.exceptions[0])
    if isinstance(error, FramingError):
        return RpcError(code_of(error.code), error.message)
    if isinstance(error, DecodeError):
        return RpcError(Code.INTERNAL, "request is not the message that this method takes")
    for kind, code in CODES:
        if isinstance(error, kind):
            return RpcError(code, str(error))
    return None


def code_of(number: int) -> Code:
    """A code off the wire; an unknown number means UNKNOWN."""
    return Code(number) if 0 <= number <= 16 else Code.UNKNOWN
