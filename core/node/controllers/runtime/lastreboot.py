"""STATE -> Diagnostic: why init ended the boot before this one, if it had to. Told once, as init wrote it."""

import logging
from pathlib import Path

from core.linux import power
from core.node.resources.block import MountStatus
from core.node.resources.runtime import Diagnostic
from core.state import Controller, Scope, shared, weak

_log = logging.getLogger("power")


class LastReboot(Controller):
    """Id `last-reboot`, kept until the next boot."""

    name = "runtime.LastRebootController"
    inputs = (weak(MountStatus.at("STATE")),)
    outputs = (shared(Diagnostic),)

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    async def reconcile(self, scope: Scope) -> None:
        if scope.find(MountStatus.at("STATE")) is None:
            return
        reason = power.last_reason(self._root)
        if reason is not None:
            _log.error("the last boot was ended: %s", reason.strip())
            scope.put("last-reboot", Diagnostic(message="the last boot was ended by init", details=(reason.strip(),)))
