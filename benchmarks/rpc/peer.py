"""`python -m benchmarks.rpc.peer ours|grpcio|grpclib serve|load ADDRESS [CA CERTIFICATE KEY]`: a peer in Python, called
as drive.py says. Each is a module here with `serve`, and `connect` that makes a client of credentials made once."""

import asyncio
import sys
from importlib import import_module
from typing import Any

import uvloop

from benchmarks.rpc.load import load


def main() -> None:
    """The program."""
    name, what, address, *files = sys.argv[1:]
    module: Any = import_module(f"benchmarks.rpc.{name}")
    run = asyncio.run if name == "grpcio" else uvloop.run  # grpcio brings a poller of its own
    run(module.serve(address, files) if what == "serve" else load(module.connect, address, files))


if __name__ == "__main__":
    main()
