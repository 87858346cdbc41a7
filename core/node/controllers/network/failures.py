"""One thing that the kernel refuses must not keep the others from their turn: failures are kept, and raised last."""

from collections.abc import Iterator
from contextlib import contextmanager


class Failures:
    """Collects the OSErrors of several attempts."""

    def __init__(self) -> None:
        self._kept: list[OSError] = []

    @contextmanager
    def kept(self, what: str) -> Iterator[None]:
        """An attempt; its OSError is remembered with `what` it was about."""
        try:
            yield
        except OSError as error:
            self._kept.append(OSError(error.errno, f"{what}: {error.strerror}"))

    def throw(self) -> None:
        """Raise what was kept, if anything was."""
        if self._kept:
            raise self._kept[0] if len(self._kept) == 1 else ExceptionGroup("the kernel refused", self._kept)
