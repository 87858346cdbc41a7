"""`unshare --mount --propagation private python -m tests.node.api.deaf FOLDER`: more dead mounts than there are threads
(a FUSE whose daemon never answers), and what Mounts, Statfs and Read say then, as JSON."""

import asyncio
import json
import os
import sys
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty

from core.base import offload
from core.base.errors import NotReady
from core.linux import mount
from core.node.api.machine import mounts
from core.node.api.machine.files import read
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.pb.machine import storage_pb2

DEAD = offload.THREADS + 2
offload.PATIENCE = 0.2  # type: ignore[misc]  # what hangs here hangs for good


def deaf(folder: Path, stack: ExitStack) -> None:
    """A file system that never says a word, until the stack is closed."""
    folder.mkdir()
    daemon = os.open("/dev/fuse", os.O_RDWR)
    stack.callback(os.close, daemon)  # which ends every wait for an answer
    mount.mount("deaf", folder, "fuse", 0, f"fd={daemon},rootmode=40000,user_id=0,group_id=0")


async def looked(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """What is said of the dead and of the living."""
    node: Any = None
    for number in range(DEAD):
        deaf(folder / f"dead.{number}", stack)
    (folder / "file").write_bytes(b"alive")
    found: dict[str, Any] = {}
    for turn in ("first", "again"):
        (told,) = (await mounts.mounts(None, Empty())).messages
        sizes = {stat.mounted_on: stat.size for stat in told.stats}
        found[turn] = [sizes[f"{folder}/dead.{n}"] for n in range(DEAD)]
        found[f"{turn}, root"] = sizes["/"]
    statfs = await mounts.statfs(None, storage_pb2.StorageServiceStatfsRequest(path=str(folder)))
    found["room"] = statfs.size
    async with aclosing(read(node, None, pb.ReadRequest(path=f"{folder}/file"))) as pieces:  # type: ignore[type-var]
        found["read"] = b"".join([piece.bytes async for piece in pieces]).decode()
    try:
        await mounts.statfs(None, storage_pb2.StorageServiceStatfsRequest(path=f"{folder}/dead.0"))
    except NotReady as error:
        found["refused"] = str(error)
    stack.close()
    return found


if __name__ == "__main__":
    with ExitStack() as mounted:
        print(json.dumps(asyncio.run(looked(Path(sys.argv[1]), mounted))))
