"""The check of the running image as a service that an operator starts: a program of its own reads every block behind
everybody else (ext/imagecheck). Owns how it is started, what its lines mean, and whose a bad block is."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

import msgspec

from core.base.errors import IchorError
from core.codec import blame, bundle
from core.linux import disk
from core.linux.image import Image
from core.node.resources.runtime import BadBlock, ImageCheck, ImageCheckState
from core.node.services.logs import Logs
from core.node.services.service import Operation, Restart, Service
from core.node.services.states import State
from core.node.services.unit import Happening, Record

ID: Final = "imagecheck"
PROGRAM: Final = "/usr/libexec/ichor/imagecheck"
GROUP: Final = "system/imagecheck"
_log = logging.getLogger(ID)
_CHECKED: Final = re.compile(rb"^checked (\d+) of (\d+) blocks$", re.M)
_BAD: Final = re.compile(rb"^block (\d+) has not its hash$", re.M)
_RESTING: Final = frozenset((State.FINISHED, State.FAILED))
_VERDICTS: Final = {
    "Process exited with code 0": ImageCheckState.INTACT,
    "Process exited with code 1": ImageCheckState.CORRUPTED,
}


class Checker:
    """The service and what it says. `find` is asked for the image at each start, and may raise."""

    def __init__(self, find: Callable[[], Image], logs: Logs, now: Callable[[], float], program: str = PROGRAM) -> None:
        self._find, self._logs, self._now, self._program = find, logs, now, program
        self._named: BadBlock | None = None

    def service(self) -> Service:
        """Runs once each time somebody starts it."""
        return Service(
            ID,
            (self._program,),
            prepare=self._prepare,
            restart=Restart.NEVER,
            cgroup=GROUP,
            oom_score=900,
            capabilities=0,
            operations=frozenset(Operation),
            on_demand=True,
        )

    def said(self) -> AsyncGenerator[bytes]:
        """Its lines as they come, without end."""
        return self._logs.log(ID).read(tail=0, follow=True)

    async def status(self, record: Record) -> ImageCheck:
        """What it is doing or has found, by its record and the last lines of its log."""
        if not record.happenings:
            return ImageCheck()
        lines = b"".join([piece async for piece in self._logs.log(ID).read(tail=3)])
        status = _status(record, lines, self._now())
        bad = _BAD.findall(lines)
        if status.state is not ImageCheckState.CORRUPTED or not bad:
            return status
        block = int(bad[-1])  # an earlier one may be an earlier check's
        if self._named is None or (self._named.block, self._named.found) != (block, status.finished):
            owners = await asyncio.to_thread(self._owners, block)
            self._named = BadBlock(block=block, file=", ".join(owners), found=status.finished)
        return msgspec.structs.replace(status, bad_block=self._named)

    async def _prepare(self) -> Sequence[str]:
        try:
            image = await asyncio.to_thread(self._find)
        except (IchorError, OSError) as error:
            self._logs.append(ID, f"the image cannot be checked: {error}\n".encode())
            raise
        footer = image.footer
        # said from here, so that nobody takes the end of the last check's lines for the beginning of this one's
        self._logs.append(ID, f"checked 0 of {footer.data_blocks} blocks\n".encode())
        numbers = (footer.data_blocks, footer.hash_offset // bundle.BLOCK)
        return (str(image.path), *map(str, numbers), footer.salt.hex(), footer.root_hash.hex())

    def _owners(self, block: int) -> list[str]:
        """Whose the block is: paths of files, names of tables."""
        image = self._find()
        if block >= image.footer.data_blocks:
            return ["hash tree"]
        with disk.opened(image.path) as fd:
            return blame.owners(disk.reader(fd), block, _unreadable)


def _status(record: Record, lines: bytes, now: float) -> ImageCheck:
    last = record.happenings[-1]
    resting = record.state in _RESTING
    state = _verdict(record.state, last) if resting else ImageCheckState.RUNNING
    told = _CHECKED.findall(lines)
    if state is ImageCheckState.UNABLE or not told:
        return ImageCheck(state=state, finished=last.time if resting else 0, problem=last.message if resting else "")
    checked, total = (int(number) * bundle.BLOCK for number in told[-1])
    began = max((h.time for h in record.happenings if h.state is State.STARTING), default=last.time)
    took = (last.time if resting else now) - began
    return ImageCheck(
        state=state,
        bytes_checked=checked,
        bytes_total=total,
        bytes_per_second=round(checked / took) if took > 0 else 0,
        started=began,
        finished=last.time if resting else 0,
    )


def _verdict(state: State, last: Happening) -> ImageCheckState:
    if verdict := _VERDICTS.get(last.message):
        return verdict
    return ImageCheckState.STOPPED if state is State.FINISHED else ImageCheckState.UNABLE


def _unreadable(error: Exception) -> None:
    _log.warning("the image's own tables cannot be read: %s", error)
