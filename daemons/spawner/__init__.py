"""The one warm parent of everything Python on a node. Started by ext/launch, which calls `main`."""

from daemons.spawner.main import main

__all__ = ["main"]
