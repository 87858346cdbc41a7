"""From the launcher's call to the first fork: import all, freeze the heap so that children share its pages, seal."""

import gc
from typing import NoReturn

from core.base.clock import SystemClock
from core.linux.init import Init
from daemons.spawner.imports import preload
from daemons.spawner.loop import Launcher, Spawner


def main(launcher: Launcher) -> NoReturn:
    """Never returns; ends by a signal or by an error that init reports."""
    launcher.rename("ichor-spawner")
    preload()
    gc.collect()
    gc.freeze()
    launcher.seal()
    Spawner(Init(), launcher, SystemClock()).run()
