"""META's keys as resources: VolumeStatus(META) -> MetaKey and MetaLoaded. A torn copy is mended when it is read.
Without a META (nothing installed) there are no keys, and that is known too."""

import asyncio
import logging

from core.node.controllers.block.place import Place
from core.node.meta import Meta
from core.node.resources.block import VolumePhase, VolumeStatus
from core.node.resources.runtime import MetaKey, MetaLoaded
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("block")
# located: its partition is there and empty
_DONE = (VolumePhase.READY, VolumePhase.LOCATED, VolumePhase.MISSING, VolumePhase.FAILED)


class MetaKeys(Controller):
    """MetaKey by `0x%02x`; MetaLoaded once it is clear what there is."""

    name = "runtime.MetaController"
    inputs = (weak(VolumeStatus.at("META")),)
    outputs = (exclusive(MetaKey), exclusive(MetaLoaded))

    def __init__(self, place: Place) -> None:
        self._place = place

    async def reconcile(self, scope: Scope) -> None:
        volume = scope.find(VolumeStatus.at("META"))
        if volume is None or volume.spec.phase not in _DONE:
            return
        values: dict[int, bytes] = {}
        if volume.spec.phase is VolumePhase.READY:
            values = await asyncio.to_thread(self._read, volume.spec.location)
        wanted = {f"0x{key:02x}": MetaKey(value=value.decode("utf-8", "replace")) for key, value in values.items()}
        scope.sync(MetaKey.all(), wanted)
        scope.put("meta-loaded", MetaLoaded(done=True))

    def _read(self, location: str) -> dict[int, bytes]:
        is_device = location.startswith("/dev/")
        meta = Meta(self._place.node(location) if is_device else self._place.target(location))
        try:
            if meta.mend():
                _log.warning("META's copies did not agree and were written anew")
            return meta.values
        finally:
            meta.close()
