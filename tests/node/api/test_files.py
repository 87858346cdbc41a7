"""Read: what is given, and what the caller is told of what is not."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from core.node.api.machine.files import CHUNK, read
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, from_error

NOBODY: Any = None  # the handler needs neither node nor call


def _read(path: str | Path) -> list[bytes]:
    async def collect() -> list[bytes]:
        return [piece.bytes async for piece in read(NOBODY, NOBODY, pb.ReadRequest(path=str(path)))]

    return asyncio.run(collect())


def _code(path: str | Path) -> tuple[Code, str]:
    with pytest.raises(Exception) as caught:
        _read(path)
    assert isinstance(caught.value, Exception)
    status = from_error(caught.value)
    assert status is not None, caught.value
    return status.code, status.message


def test_files_in_pieces_and_what_the_kernel_writes_on_the_fly(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(CHUNK + 1))
    (tmp_path / "link").symlink_to("file")
    assert [len(piece) for piece in _read(tmp_path / "link")] == [CHUNK, 1]
    assert b"".join(_read("/proc/self/comm")) == Path("/proc/self/comm").read_bytes()
    (tmp_path / "empty").touch()
    assert _read(tmp_path / "empty") == []


def test_refusals_say_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        assert _code(tmp_path / "socket") == (Code.UNKNOWN, f"{tmp_path}/socket: no such device or address")
    assert _code(tmp_path / "none")[0] is Code.NOT_FOUND
    assert _code(tmp_path / "loop") == (Code.UNKNOWN, f"{tmp_path}/loop: too many levels of symbolic links")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero", "etc/hosts", "/etc/../etc/hosts", "/a\0b"):
        assert _code(path)[0] is Code.INVALID_ARGUMENT, path
    # some kernel files open and do not read: the word is the kernel's
    assert _code("/proc/self/mem")[0] is Code.UNKNOWN
