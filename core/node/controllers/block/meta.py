"""META's keys as resources: VolumeStatus(META) -> MetaKey and MetaLoaded. A torn copy is mended when it is read.
Without a META (nothing installed) there are no keys, and that is known too. Owns the medium: whoever changes a key
does it here, one at a time."""

import asyncio
import logging
from collections.abc import Callable

from core.base.errors import NotFound, NotReady
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
        self._scope: Scope | None = None
        self._location = ""  # of the medium, once it is there
        self._turn = asyncio.Lock()

    async def reconcile(self, scope: Scope) -> None:
        volume = scope.find(VolumeStatus.at("META"))
        if volume is None:
            async with self._turn:
                self._location = ""  # closed: nothing is written to it any more
            return
        if volume.spec.phase not in _DONE:
            return
        async with self._turn:
            self._scope = scope
            self._location = volume.spec.location if volume.spec.phase is VolumePhase.READY else ""
            self._show(await asyncio.to_thread(self._on_medium, _mended) if self._location else {})
            scope.put("meta-loaded", MetaLoaded(done=True))

    async def write(self, key: int, value: bytes) -> None:
        """Keep a value; it is on the medium and among the resources when this returns. Raises Invalid, Exhausted,
        NotReady without a META, OSError."""
        await self._change(lambda meta: meta.set(key, value))

    async def delete(self, key: int) -> None:
        """Forget a value. Raises NotFound, NotReady, OSError."""

        def forget(meta: Meta) -> None:
            if not meta.delete(key):
                raise NotFound(f"META has no key 0x{key:02x}")

        await self._change(forget)

    async def _change(self, change: Callable[[Meta], None]) -> None:
        async with self._turn:
            if not self._location:
                raise NotReady("this node has no META to write to")
            self._show(await asyncio.to_thread(self._on_medium, change))

    def _show(self, values: dict[int, bytes]) -> None:
        assert self._scope is not None  # from reconcile, which alone sets a location
        wanted = {f"0x{key:02x}": MetaKey(value=value.decode("utf-8", "replace")) for key, value in values.items()}
        self._scope.sync(MetaKey.all(), wanted)

    def _on_medium(self, change: Callable[[Meta], None]) -> dict[int, bytes]:
        """Do something with the medium; all values behind it."""
        is_device = self._location.startswith("/dev/")
        meta = Meta(self._place.node(self._location) if is_device else self._place.target(self._location))
        try:
            change(meta)
            return meta.values
        finally:
            meta.close()


def _mended(meta: Meta) -> None:
    if meta.mend():
        _log.warning("META's copies did not agree and were written anew")
