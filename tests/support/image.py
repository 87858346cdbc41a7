"""The image that nodes of tests run: built from the checkout when it is not up to date. ICHOR_TEST_IMAGE
names a folder with another one."""

import os
from pathlib import Path

from core.cli.imagefile import cache
from core.image.build import Options, Paths, build
from tests.support.limits import unhurried

__all__ = ["TREE", "built", "cache"]

TREE = Path(__file__).parents[2]


def built() -> Paths:
    """Where it is. Costs nothing when nothing has changed."""
    given = os.environ.get("ICHOR_TEST_IMAGE")
    if given:
        return Paths.under(Path(given))
    with unhurried():
        return build(Options(TREE, cache(), relock=True, say=lambda _: None))
