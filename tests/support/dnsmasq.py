"""A real DHCP server for tests: dnsmasq in a private network namespace, dead when the block ends."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.netns import Namespace


@contextmanager
def dnsmasq(where: Namespace, link: str, folder: Path, *options: str) -> Iterator[Callable[[str], str]]:
    """Serve on `link`; back when it listens, with a function that waits for a line of its log that contains a text.
    Leases are kept in `folder`, so that a second one remembers them."""
    argv = [
        "dnsmasq",
        "--keep-in-foreground",
        "--log-facility=-",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        "--no-ping",
        "--bind-interfaces",
        f"--interface={link}",
        "--except-interface=lo",
        f"--pid-file={folder}/pid",
        f"--dhcp-leasefile={folder}/leases",
        *options,
    ]
    server = subprocess.Popen(where.command(*argv), stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        lines = server.stderr

        def said(text: str) -> str:
            for line in lines:
                if text in line:
                    return line
            raise RuntimeError(f"dnsmasq ended without saying {text!r}")

        said("sockets bound")
        yield said
    finally:
        server.kill()
        server.communicate()
