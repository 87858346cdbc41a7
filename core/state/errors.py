"""Why the store refuses: each is a Conflict that a caller may want to tell from the others."""

from core.base.errors import Conflict


class OwnerConflict(Conflict):
    """Another controller owns it."""


class PhaseConflict(Conflict):
    """It is being torn down (or is not, and should be)."""


class VersionConflict(Conflict):
    """It changed since the caller read it."""


class PendingFinalizers(Conflict):
    """Somebody still holds it."""


class InvalidBookmark(Conflict):
    """The bookmark is from an earlier run, too old for the history, or no bookmark at all."""


class Overrun(Conflict):
    """The watcher was slower than the history is long and has missed events; it must list and watch anew."""
