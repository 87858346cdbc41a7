"""Where this machine keeps the clusters that it makes."""

import os
from pathlib import Path

from core.provision.places import Places


def places() -> Places:
    """$ICHOR_HOME, else ~/.ichor."""
    return Places(Path(os.environ.get("ICHOR_HOME") or Path.home() / ".ichor"))
