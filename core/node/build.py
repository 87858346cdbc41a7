"""Which build of Ichor this is: read once from the image, or what stands in for it in a checkout."""

from pathlib import Path
from typing import Final

import msgspec

from core.base.release import TAG

PATH: Final = Path("/usr/share/ichor/version")


class Build(msgspec.Struct, frozen=True):
    """`tag`: semantic version of the API served, our own version as its prerelease; `date`: RFC 3339."""

    tag: str = TAG
    commit: str = "unknown"
    date: str = "1970-01-01T00:00:00Z"


def read(path: Path = PATH) -> Build:
    """The build record of the image; defaults where there is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Build)
    except FileNotFoundError:
        return Build()
