"""A place in a log of a node's, as it travels in the metadata of Logs calls: a client that counts the records it gets
can go on behind the last one on another connection. Stock clients neither send nor look at it."""

from dataclasses import dataclass
from typing import Final, Self

from core.base.errors import Invalid

KEY: Final = "ichor-log-place"


@dataclass(frozen=True, slots=True)
class Place:
    """Record `sequence` of the boot `boot`; a log begins anew with each boot."""

    boot: str
    sequence: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises Invalid."""
        boot, _, sequence = text.rpartition("/")
        if not sequence.isdecimal() or not sequence.isascii():
            raise Invalid(f"{text!r} is no place in a log")
        return cls(boot, int(sequence))

    def __str__(self) -> str:
        return f"{self.boot}/{self.sequence}"
