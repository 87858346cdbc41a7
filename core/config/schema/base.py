"""What the schema's classes are made of: the section base, and the marks a type carries for the loader, for merging and
for redaction. A class says what a key is; `core.config.plan` works out what to do with it."""

from collections.abc import Callable
from typing import Annotated

import msgspec

Object = dict[str, object]
"""A body the node hands on (a Kubernetes object, an OCI spec): any keys, scalars resolved by YAML's own rules."""


class Section(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A mapping whose keys are known. Attributes are the snake_case of the key, acronyms as one word."""

    def __repr__(self) -> str:
        """Which attributes are set, never their values: logs are read by people who may not see secrets."""
        default = type(self)()
        given = (name for name in self.__struct_fields__ if getattr(self, name) != getattr(default, name))
        return f"{type(self).__name__}({', '.join(given)})"


class Scalar(msgspec.Struct, frozen=True):
    """How one kind of scalar is read from its text. `plain` kinds refuse quotes; `secret` ones are never shown."""

    kind: str
    parse: Callable[[str], object]
    plain: bool = False
    secret: bool = False


class Keyed(msgspec.Struct, frozen=True):
    """A list whose elements are merged with the one that has the same value under any of these keys."""

    keys: tuple[str, ...]


class Replace(msgspec.Struct, frozen=True):
    """A list or body that a patch replaces as a whole."""


class Obsolete(msgspec.Struct, frozen=True):
    """A key that is still read and has no place any more."""

    instead: str = ""


class OneOrMany(msgspec.Struct, frozen=True):
    """One text where a list may stand."""


REPLACE = Replace()
OBSOLETE = Obsolete()


def _as_is(text: str) -> str:
    return str(text)


Secret = Annotated[str, Scalar("text", _as_is, secret=True)]

StringOrList = Annotated[tuple[str, ...], OneOrMany()]
"""A flag's value: given once, or several times. Always a tuple once read; a patch replaces it."""
