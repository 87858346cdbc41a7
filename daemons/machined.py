"""The node as a process: takes back from init what survived its predecessor, runs the node, tells the spawner that its
loop turns. Everything else is core.node's."""

import asyncio
import logging
import signal

import uvloop

from core.base.clock import SystemClock
from core.node.api.local import LocalAPI
from core.node.assembly import assemble
from core.node.services.ownlog import RingHandler
from daemons.context import Context
from daemons.logs import Formatter

_log = logging.getLogger("machined")


def main(context: Context) -> None:
    """Run the node until it ends."""
    _log.info("starts")
    uvloop.run(_run(context))


async def _run(context: Context) -> None:
    assert context.init is not None, "machined is given init by the spawner"
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    node = assemble(context.init, context.work, context.want, SystemClock())
    own = RingHandler(node.logs, context.name)
    own.setFormatter(Formatter())
    logging.getLogger().addHandler(own)
    _log.info("assembled")
    api = LocalAPI(node)
    with api.listening():
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(context.keep_beating(), name="beating"),
                group.create_task(node.run(context.news()), name="node"),
                group.create_task(api.sweep(), name="sweep"),
            ]
            await api.serve()
            await stop.wait()
            for task in tasks:
                task.cancel()  # first of all: what ends now ends with the machine, and nobody is to start it again
            await api.drain()
