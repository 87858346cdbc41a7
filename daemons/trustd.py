"""Where nodes join, as a process: listens on :50001, asks machined over a socket of its own. On control planes alone;
unprivileged, without init; holds a server's key and nothing that could sign."""

import logging
from typing import Final

import uvloop

from core.base.clock import SystemClock
from core.node.trust import Desk
from core.rpc.client import Channel
from daemons.context import Context
from daemons.doors import keep_open

_log = logging.getLogger("trustd")
MACHINED: Final = "/system/run/machined/trustd.sock"


def main(context: Context) -> None:
    """Serve until SIGTERM."""
    _log.info("starts")
    uvloop.run(_run(context))


async def _run(context: Context) -> None:
    await keep_open(context, Desk(Channel(MACHINED), SystemClock()))
