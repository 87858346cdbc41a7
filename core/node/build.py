"""Which build of Ichor this is: read once from the image, or what stands in for it in a checkout."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.release import TAG

PATH: Final = Path("/usr/share/ichor/version")


@dataclass(frozen=True, slots=True)
class Build:
    """`tag`: semantic version of the API served, our own version as its prerelease; `date`: RFC 3339, the image's."""

    tag: str = TAG
    date: str = "1970-01-01T00:00:00Z"


def read(path: Path = PATH) -> Build:
    """The image's version; every file of an image has the build's date. This checkout's where there is no image."""
    try:
        tag, built = path.read_text().strip(), path.stat().st_mtime
    except FileNotFoundError:
        return Build()
    return Build(tag, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(built)))
