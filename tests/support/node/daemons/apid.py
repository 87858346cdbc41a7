"""A stand-in for apid: beats, and on SIGUSR1 calls what its filter forbids."""

import asyncio
import os
import signal
from typing import Any

from daemons.context import Context


def main(context: Context) -> None:
    """Live until killed."""
    signal.signal(signal.SIGUSR1, _offend)
    print("apid stand-in", flush=True)
    asyncio.run(context.keep_beating())


def _offend(*_: Any) -> None:
    os.memfd_create("forbidden")
