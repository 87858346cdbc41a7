"""What spec fields are made of beyond plain Python: enumerations with a number on the wire and a text in YAML, spans of
time, bytes shown as text or base64. Addresses, prefixes and hardware addresses are strings in their usual notation."""

import enum
from typing import Annotated, Self

import msgspec

from core.base.errors import Invalid

# seconds; a Go duration in YAML ("1h0m0s"), google.protobuf.Duration on the wire
Seconds = Annotated[float, msgspec.Meta(extra={"yaml": "duration"})]
# seconds since the epoch; RFC 3339 in YAML, google.protobuf.Timestamp on the wire; 0 is never
Moment = Annotated[float, msgspec.Meta(extra={"yaml": "moment"})]
# UTF-8 text that is bytes on the wire
Text = Annotated[bytes, msgspec.Meta(extra={"yaml": "text"})]
# bytes shown as base64
Base64 = Annotated[bytes, msgspec.Meta(extra={"yaml": "base64"})]


class Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of what specs nest. Names follow the same rule as those of Spec."""


class Named(enum.IntEnum):
    """An enumeration: the member's value is the wire's number, `text` what YAML and people see. The text is the name
    in lower case with dashes, or what the definition says: `LOOPBACK = 772, "loopback"`."""

    text: str

    def __new__(cls, number: int, text: str = "") -> Self:
        member = int.__new__(cls, number)
        member._value_ = number
        member.text = text
        return member

    def __init__(self, number: int, text: str = "") -> None:
        self.text = text or self._name_.lower().replace("_", "-")

    def __str__(self) -> str:
        return self.text

    def __reduce_ex__(self, protocol: object) -> tuple[type[Self], tuple[int]]:
        return type(self), (int(self),)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The member with this text. Raises Invalid, naming the texts that there are."""
        for member in cls:
            if member.text == text:
                return member
        raise Invalid(f"{text!r} is no {cls.__name__}", remedy=f"use one of {', '.join(m.text for m in cls)}")


class OpenNamed(Named):
    """An enumeration of the kernel's, which may name numbers that nobody has told us: their text is the number."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_, member.text = f"_{value}", value, str(value)
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value] # a member of cls, typed Enum


class CertificateAndKey(Value, frozen=True):
    """PEM certificate (chain) and its key."""

    crt: Base64 = b""
    key: Base64 = b""


class Key(Value, frozen=True):
    """PEM key."""

    key: Base64 = b""


class Certificate(Value, frozen=True):
    """PEM certificate."""

    crt: Base64 = b""
