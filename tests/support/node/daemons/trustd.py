"""A stand-in for trustd, which runs only where it is asked for: beats."""

import asyncio

from daemons.context import Context


def main(context: Context) -> None:
    """Live until killed."""
    asyncio.run(context.keep_beating())
