"""A stand-in for machined: beats, collects the news, and does what a client of /run/machined.sock asks, one JSON
request a connection. It asks init, workers and the sealed interpreter exactly as the real one would."""

import asyncio
import importlib
import json
import os
from pathlib import Path
from typing import Any

import uvloop

from core.base.errors import IchorError
from core.linux.init import Init
from daemons.context import Context

SOCKET = "/run/machined.sock"
ATTEMPTS = importlib.import_module("daemons.attempts").ATTEMPTS  # its place in the node, not in the tests


class StandIn:
    def __init__(self, context: Context) -> None:
        assert context.init is not None
        self.context = context
        self.init: Init = context.init
        self.news: list[Any] = []

    async def run(self) -> None:
        Path(SOCKET).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self.serve, SOCKET)
        async with server, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.context.keep_beating())
            tasks.create_task(self.collect())

    async def collect(self) -> None:
        async for item in self.context.news():
            self.news.append([item.name, item.pid, item.status, item.fresh])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        try:
            reply = await getattr(self, "do_" + request.pop("do"))(**request)
        except (IchorError, OSError, ImportError, ValueError, TypeError) as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        writer.write(json.dumps(reply).encode())
        writer.close()

    async def do_pid(self) -> int:
        return os.getpid()

    async def do_work(self, function: str, payload: str) -> str:
        return (await self.context.work(function, payload.encode())).decode()

    async def do_want(self, name: str, wanted: bool) -> None:
        self.context.want(name, wanted)

    async def do_kept(self, name: str) -> bool:
        fd = self.init.get(name)
        if fd is not None:
            os.close(fd)
        return fd is not None

    async def do_news(self) -> list[Any]:
        return self.news

    async def do_attempt(self, event: str) -> str:
        ATTEMPTS[event]()
        return "done"

    async def do_descriptors(self) -> dict[str, str]:
        return {entry.name: str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}


def main(context: Context) -> None:
    """Live until killed."""
    uvloop.run(StandIn(context).run())
