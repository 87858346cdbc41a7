"""The one place that says which release this is."""

from typing import Final

VERSION: Final = "0.1.0"
# what clients compare: a semantic version of the API served, with our own as its prerelease
TAG: Final = f"v1.14.0-ichor.{VERSION}"
