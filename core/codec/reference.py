"""Names of container images (distribution's reference grammar): `registry/path:tag@digest` as people write it and as
one image has it. What is left out is filled in as every client does: docker.io, library, latest."""

import re
from dataclasses import dataclass
from typing import Final, Self

from core.base.errors import Invalid

_PART: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = re.compile(rf"(?:{_PART}(?:\.{_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST: Final = 255  # of registry and path together
_HUB: Final = "docker.io"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an image is and which it is: by `digest` if there is one, else by `tag`."""

    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """A reference, whole. With tag and digest the digest alone counts. Raises Invalid."""
        name, _, digest = text.partition("@")
        if "@" in text and not _DIGEST.fullmatch(digest):
            raise Invalid(f"{text!r} has no digest of the form sha256:HEX behind its @")
        tag = ""
        if ":" in name.rpartition("/")[2]:
            name, _, tag = name.rpartition(":")
            if not _TAG.fullmatch(tag):
                raise Invalid(f"{text!r} has no tag behind its colon")
        registry, path = _split(name)
        if len(f"{registry}/{path}") > _LONGEST or _IDENTIFIER.fullmatch(name):
            raise Invalid(f"{text!r} is no name of an image", remedy="write registry/path:tag")
        if not is_registry(registry) or not all(map(_PATH.fullmatch, path.split("/"))):
            raise Invalid(f"{text!r} is no name of an image", remedy="write registry/path:tag, the path in lower case")
        return cls(registry, path, "" if digest else tag or "latest", digest)

    @property
    def repository(self) -> str:
        """The name without saying which."""
        return f"{self.registry}/{self.path}"

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    def by(self, digest: str) -> str:
        """The name of what was found here, by its digest."""
        return f"{self.repository}@{digest}"


def is_registry(text: str) -> bool:
    """Whether `text` names a registry: a host, perhaps with a port."""
    return len(text) <= _LONGEST and _REGISTRY.fullmatch(text) is not None


def _split(name: str) -> tuple[str, str]:
    """Registry and path: the first part is a registry if it looks like a host."""
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        first, rest = _HUB, name
    if first == f"index.{_HUB}":
        first = _HUB
    return first, f"library/{rest}" if first == _HUB and "/" not in rest else rest
