"""A stand-in for apid: beats, more often than the real one, and on SIGUSR1 calls what its filter forbids."""

import asyncio
import os
import signal
from typing import Any

from daemons.context import Context


def main(context: Context) -> None:
    """Live until killed."""
    signal.signal(signal.SIGUSR1, _offend)
    print("apid stand-in", flush=True)
    context.beat_seconds = 1.0  # so that a test sees within seconds that its beats are not machined's
    asyncio.run(context.keep_beating())


def _offend(*_: Any) -> None:
    os.memfd_create("forbidden")
