"""The questions a caller can ask of a failure, one class each. Owns no message of its own; refuses to wrap OSError,
which stays what it is with its operation and path. Every error says what is wrong and, in `remedy`, what to do."""


class IchorError(Exception):
    """A failure with a plain sentence and, where one exists, the way out."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class NotFound(IchorError):
    """What was named does not exist."""


class AlreadyExists(IchorError):
    """What was to be made exists."""


class Conflict(IchorError):
    """Somebody else changed or owns it: version, owner or phase differ from what the caller assumed."""


class NotReady(IchorError):
    """It can work later, without anybody changing the request."""


class Invalid(IchorError):
    """The input itself is wrong and will stay wrong."""


class Denied(IchorError):
    """The caller may not do this."""


class Unsupported(IchorError):
    """This node, kernel or build cannot do it."""


class Exhausted(IchorError):
    """A limit was reached."""
