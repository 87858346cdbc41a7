"""machined's local API sockets: one for each peer, owned by that peer's uid, nobody else may open it. The listening
sockets live in init's table, so that a caller waits through a restart of machined instead of being refused."""

import os
import socket
from pathlib import Path
from typing import Final

from core.linux.init import FdTable

FOLDER: Final = Path("/system/run/machined")
BACKLOG: Final = 128


def listener(table: FdTable, peer: str, uid: int, folder: Path = FOLDER) -> socket.socket:
    """The listening socket `<folder>/<peer>.sock`, mode 0600 of `uid`: init's, or a new one."""
    name = f"listen.{peer}"
    held = table.get(name)
    if held is not None:
        return socket.socket(fileno=held)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    path = folder / f"{peer}.sock"
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    finally:
        os.umask(mask)
    os.chown(path, uid, uid)
    sock.listen(BACKLOG)
    table.put(name, sock.fileno())
    return sock
