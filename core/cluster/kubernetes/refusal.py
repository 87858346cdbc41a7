"""What the apiserver says no with, a Status, as the error that a caller asks about: one table from reasons to classes.
The sentence is the server's own, the reason stands behind it."""

from typing import Final

import msgspec

from core.base.errors import AlreadyExists, Conflict, Denied, IchorError, Invalid, NotFound, NotReady, Unsupported


class Expired(Conflict):
    """The resourceVersion is too old to go on from: list again."""


class TooMany(NotReady):
    """Not now: the server is busy, or a disruption budget would be broken."""


class Status(msgspec.Struct, frozen=True):
    """metav1.Status, as far as it is looked at."""

    message: str = ""
    reason: str = ""
    code: int = 0


_REASONS: Final[dict[str, type[IchorError]]] = {
    "NotFound": NotFound,
    "AlreadyExists": AlreadyExists,
    "Conflict": Conflict,
    "Gone": Expired,
    "Expired": Expired,
    "Forbidden": Denied,
    "Unauthorized": Denied,
    "Invalid": Invalid,
    "BadRequest": Invalid,
    "RequestEntityTooLarge": Invalid,
    "TooManyRequests": TooMany,
    "MethodNotAllowed": Unsupported,
    "NotAcceptable": Unsupported,
    "UnsupportedMediaType": Unsupported,
}
_CODES: Final[dict[int, type[IchorError]]] = {
    400: Invalid,
    401: Denied,
    403: Denied,
    404: NotFound,
    405: Unsupported,
    406: Unsupported,
    409: Conflict,
    410: Expired,
    413: Invalid,
    415: Unsupported,
    422: Invalid,
    429: TooMany,
}


def refusal(status: Status) -> IchorError:
    """What has no reason of its own goes by its code, and what has neither may work later."""
    kind = _REASONS.get(status.reason) or _CODES.get(status.code, NotReady)
    sentence = status.message or f"the apiserver answered with HTTP status {status.code}"
    return kind(f"{sentence} ({status.reason})" if status.reason else sentence)


def refused(code: int, body: bytes) -> IchorError:
    """Of an answer that is not good; proxies and early starts answer with plain text."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = body[:200].decode(errors="replace").strip()
        status = Status(f"the apiserver answered {code}: {text}" if text else "")
    return refusal(msgspec.structs.replace(status, code=code))
