"""What the spawner imports once, for all: after the seal nothing more can be imported, here or in any child. A daemon's
own imports come with its module; listed besides are what the standard library imports late, behind a first call."""

import importlib
import ssl
from typing import Final

DAEMONS: Final = ("daemons.machined", "daemons.apid", "daemons.trustd")
WORKERS: Final = ("core.pki.jobs",)
LATE: Final = (
    "concurrent.futures.thread",  # the loop's first run_in_executor
    "encodings.ascii",
    "encodings.idna",  # the first host name
    "encodings.latin_1",
    "encodings.unicode_escape",
    "encodings.utf_16_le",  # names in partition tables
    "_strptime",
    "traceback",
    "uvloop",
)


def preload() -> None:
    """Import everything. Raises what an import raises: a spawner that lacks a module must not start."""
    for name in (*LATE, *WORKERS, *DAEMONS):
        importlib.import_module(name)


def warm() -> None:
    """Have the TLS library look up its algorithms and messages, as it does for the first context: a child that did so
    would hold a megabyte of them alone. Nothing of the context stays, and the library's generator of random numbers
    seeds itself anew in each child."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
