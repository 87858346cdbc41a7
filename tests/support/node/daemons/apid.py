"""A stand-in for apid: beats, and ends as it is told by a file name in /run/apid/."""

import asyncio

from daemons.context import Context


def main(context: Context) -> None:
    """Live until killed."""
    print("apid stand-in", flush=True)
    asyncio.run(context.keep_beating())
