"""The front door as a process: listens on :50000, asks machined over its local socket. Unprivileged, without init; it
holds no state, so that the spawner may start it anew at any time."""

import logging
from typing import Final

import uvloop

from core.base.clock import SystemClock
from core.node.front import Door
from core.rpc.client import Channel
from daemons.context import Context
from daemons.doors import keep_open

_log = logging.getLogger("apid")
MACHINED: Final = "/system/run/machined/apid.sock"


def main(context: Context) -> None:
    """Serve until SIGTERM."""
    _log.info("starts")
    uvloop.run(_run(context))


async def _run(context: Context) -> None:
    await keep_open(context, Door(Channel(MACHINED), SystemClock()))
