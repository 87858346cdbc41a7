"""Which build of Ichor this is: read once from the image, or what stands in for it in a checkout."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base.release import TAG

PATH: Final = Path("/usr/share/ichor/version")


@dataclass(frozen=True, slots=True)
class Build:
    """`tag`: semantic version of the API served, with our own as prerelease; `time`: the image's, Unix seconds."""

    tag: str = TAG
    time: float = 0.0

    @property
    def date(self) -> str:
        """RFC 3339."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.time))


def read(path: Path = PATH) -> Build:
    """The image's version; every file of an image has the build's date. This checkout's where there is no image."""
    try:
        return Build(path.read_text().strip(), path.stat().st_mtime)
    except FileNotFoundError:
        return Build()
