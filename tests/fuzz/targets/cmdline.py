"""The kernel's command line: the network's words, and one value as init finds it and as the node does."""

import ctypes
from collections.abc import Iterator
from functools import cache

from core.node.controllers.network import cmdline
from tests.fuzz.engine import shared_object
from tests.fuzz.target import Target, attempt

_KEY = "ichor.image"
_SIZE = 64


def check(data: bytes) -> None:
    text = data.decode("latin-1")
    for word in cmdline.values(text, "ip"):
        ip = attempt(ValueError, cmdline.parse, word)
        assert ip is None or ip.dhcp or ip.interface is not None
    cmdline.ignored(text)
    if text.isascii() and not set(text) & set("\0\v\f\r\x1c\x1d\x1e\x1f"):  # white space of Python's alone
        ours = cmdline.values(text, _KEY)[-1:]
        assert _init_finds(text) == next((value for value in ours if len(value) < _SIZE), None)


@cache
def _init() -> ctypes.CDLL:
    library = ctypes.CDLL(str(shared_object("tests/fuzz/init.c")))
    library.cmdline_value.restype = ctypes.c_bool
    return library


def _init_finds(text: str) -> str | None:
    out, line = ctypes.create_string_buffer(_SIZE), ctypes.create_string_buffer(text.encode())
    found = _init().cmdline_value(line, _KEY.encode(), out, ctypes.c_size_t(_SIZE))
    return out.value.decode() if found else None


def seeds() -> Iterator[bytes]:
    yield b"console=ttyS0 ichor.image=/dev/vda panic=10 ip=10.5.0.2::10.5.0.1:255.255.255.0:node:eth0:off:9.9.9.9::ntp"
    yield b"ip=dhcp ip=eth1:dhcp talos.hostname=a talos.network.interface.ignore=veth*,lo ichor.image= ichor.image=x"
    yield b"ip=[fd00::2]/64::[fd00::1]::n:eth0:none:[fd00::53] ichor.image=" + b"x" * 70
    yield b"ip=:::::eth0:dhcp\tip=10.0.0.1\nichor.imagex=1 ichor.image"


TARGET = Target(check, seeds, runs=2500, native=True, largest=512)
