"""From the launcher's call to the first fork: import all, give back what only that needed, freeze the heap so that
children share its pages, seal."""

import gc
import logging
import sys
from typing import NoReturn

from core.base.clock import SystemClock
from core.linux.init import Init
from daemons import logs
from daemons.spawner.imports import preload, warm
from daemons.spawner.loop import Launcher, Spawner

_log = logging.getLogger("spawner")


def main(launcher: Launcher) -> NoReturn:
    """Never returns; ends by a signal or by an error that init reports."""
    launcher.rename("ichor-spawner")
    logs.configure()
    _log.info("starts")
    preload()
    warm()
    launcher.trim()
    gc.freeze()  # with the little garbage that importing made: to look for it costs more than to keep it
    launcher.immortalize()  # a look at what is shared is no reason to copy it
    gc.enable()  # off since the launcher's first line
    launcher.seal()
    _log.info("%d modules imported, heap frozen, sealed", len(sys.modules))
    Spawner(Init(), launcher, SystemClock()).run()
