"""`python -m tests.rpc.soak.server FOLDER`: the echo service as a node serves, on FOLDER/s and, with the PEM files
there, on a port of loopback that it prints. Asked for `Stats` it tells what it holds. Ends at SIGTERM."""

import asyncio
import gc
import json
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Final

import uvloop
from google.protobuf.wrappers_pb2 import BytesValue

from core.rpc.context import Context
from core.rpc.server import Server
from core.rpc.service import Service, unary
from core.rpc.tls import ServerTLS
from ext.http2.connection import live
from ext.http2.limits import Limits
from tests.rpc.echo import Echo

LIMITS: Final = Limits(
    message=8 << 20, output=16 << 20, connections=200, handshakes=32, handshake=20.0, patience=10.0, idle=30.0
)


class Complaints(logging.Handler):
    """What the loop or a handler could not tell anybody else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record)[-2000:])


async def main(folder: Path) -> None:
    complaints, echo, stop = Complaints(), Forgetful(), asyncio.Event()
    logging.getLogger().addHandler(complaints)

    async def stats(ctx: Context, request: BytesValue) -> BytesValue:
        gc.collect()
        held = {**live(), "tasks": len(asyncio.all_tasks()), "complaints": complaints.heard}
        return BytesValue(value=json.dumps(held).encode())

    server = Server(
        [echo.service(), Service("test.Soak", {"Stats": unary(stats, BytesValue, BytesValue)})], limits=LIMITS
    )
    tls = ServerTLS(*((folder / name).read_bytes() for name in ("server.crt", "server.key", "ca.crt")))
    with socket.socket(socket.AF_UNIX) as local, socket.socket() as front:
        local.bind(str(folder / "s"))
        front.bind(("127.0.0.1", 0))
        for listener, trust in ((local, None), (front, tls)):
            listener.listen(512)
            await server.serve(listener, trust)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print(front.getsockname()[1], flush=True)
        await stop.wait()
        await server.drain(1.0)


class Forgetful(Echo):
    """Keeps nothing of a call: what would grow here is not the server's."""

    async def _obey(self, ctx: Context) -> None:
        try:
            await super()._obey(ctx)
        finally:
            self.contexts.clear()
            self.cancelled.clear()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
