"""What guards the image's bytes: dm-verity and its root hash, or the check before a container node started; the crypto
driver in use; and each block that the kernel or a check found bad, with the files or the table it belongs to, once in
resource, event and log. The file system's own tables say whose it is; no file is read for it."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Final

from core.base.errors import NotFound
from core.codec import blame
from core.codec import dm as codec
from core.linux import crypto, damage, disk, image
from core.linux.capabilities import Capabilities
from core.linux.image import Ground
from core.linux.uevents import Listen
from core.node.events import Publisher
from core.node.resources.runtime import BadBlock, ImageCheck, IntegrityMethod, IntegrityStatus
from core.rpc.pb.machine import machine_pb2 as pb
from core.state import Controller, Scope, exclusive, weak

_log = logging.getLogger("integrity")
# past this many the image is not damaged but gone
_LIMIT: Final = 64


class Integrity(Controller):
    """IntegrityStatus (id `image`)."""

    name = "runtime.IntegrityController"
    inputs = (weak(ImageCheck.at("image")),)
    outputs = (exclusive(IntegrityStatus),)

    def __init__(
        self,
        capabilities: Capabilities,
        listen: Listen,
        events: Publisher,
        now: Callable[[], float],
        ground: Ground | None = None,
    ) -> None:
        self._able, self._listen, self._events, self._now = capabilities, listen, events, now
        self._ground = ground or Ground()
        self._bad: dict[int, BadBlock] = {}
        self._checked: BadBlock | None = None
        self._status: IntegrityStatus | None = None

    async def reconcile(self, scope: Scope) -> None:
        if self._status is None:
            self._status = await asyncio.to_thread(_guard, self._able, self._ground)
        driver = crypto.driver(self._ground.proc, "sha256")
        known = self._bad | self._found_by_check(scope)
        found = tuple(known[block] for block in sorted(known))
        scope.put(
            "image",
            IntegrityStatus(
                method=self._status.method,
                version=self._status.version,
                root_hash=self._status.root_hash,
                key_id=self._status.key_id,
                hash_driver=driver,
                bad_blocks=found,
            ),
        )

    def _found_by_check(self, scope: Scope) -> dict[int, BadBlock]:
        """What the last check found, until another finds nothing. The kernel may have named the same."""
        check = scope.find(ImageCheck.at("image"))
        bad = check.spec.bad_block if check is not None else None
        if bad is not None and bad != self._checked and bad.block not in self._bad:
            self._tell(bad)
        self._checked = bad
        return {} if bad is None or bad.block in self._bad else {bad.block: bad}

    async def work(self, scope: Scope) -> None:
        if not self._able.uevents:
            return
        if self._able.kmsg:
            for complaint in damage.said(self._ground.dev / "kmsg"):
                await self._found(scope, complaint)
        async for event in self._listen():
            if event is None and self._able.kmsg:
                for complaint in damage.said(self._ground.dev / "kmsg"):
                    await self._found(scope, complaint)
            elif event is not None and (told := codec.bad_block(dict(event.values))) is not None:
                await self._found(scope, told)

    async def _found(self, scope: Scope, complaint: codec.BadBlock) -> None:
        if complaint.block in self._bad or len(self._bad) >= _LIMIT:
            return
        owners = await asyncio.to_thread(_owners, complaint, self._ground)
        bad = BadBlock(block=complaint.block, file=", ".join(owners), found=self._now())
        self._bad[bad.block] = bad
        self._tell(bad)
        scope.wake()

    def _tell(self, bad: BadBlock) -> None:
        text = f"block {bad.block} of the image is corrupted{blame.named(bad.file.split(', '))}"
        _log.critical("%s", text)
        self._events.publish(pb.ServiceStateEvent(service="image", action=pb.ServiceStateEvent.FAILED, message=text))


def _owners(complaint: codec.BadBlock, ground: Ground) -> list[str]:
    """Whose the block is: paths of files, names of tables."""
    if not complaint.data:
        return ["hash tree"]
    device = ground.root.stat().st_dev
    name = (ground.sys / f"dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
    with disk.opened(ground.dev / name) as fd:
        return blame.owners(disk.reader(fd), complaint.block, _unreadable)


def _unreadable(error: Exception) -> None:
    _log.warning("the image's own tables cannot be read: %s", error)


def _guard(capabilities: Capabilities, ground: Ground) -> IntegrityStatus:
    """What guards this root. A container node's image was checked whole by its provisioner."""
    unknown = IntegrityMethod.UNKNOWN if capabilities.block else IntegrityMethod.CHECKED_AT_START
    try:
        found = image.running(capabilities, ground)
    except NotFound:
        return IntegrityStatus(method=unknown)
    return IntegrityStatus(
        method=IntegrityMethod.DM_VERITY if found.guarded else unknown,
        version=found.footer.version,
        root_hash=found.footer.root_hash.hex(),
        key_id=found.footer.key_id.hex(),
    )
