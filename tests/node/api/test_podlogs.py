"""Logs of pods' containers out of their files."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import NotFound
from core.node.api.machine import podlogs
from core.node.containers.kubernetes import Instance
from core.rpc.pb.containerd import containers_pb2
from tests.support.clock import FakeClock, on_loop

WEB = Instance(containers_pb2.Container(id="c" * 64), "default", "web", "1-2-3", "app")


async def said(path: Path, tail: int = -1) -> bytes:
    return b"".join([piece async for piece in podlogs.read(path, FakeClock(), tail=tail, follow=False)])


def test_the_log_of_the_last_start_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "default_web_1-2-3" / "app"
    folder.mkdir(parents=True)
    for name in ("2.log", "10.log", "9.log", "10.log.20260101-000000.gz"):
        (folder / name).touch()
    assert podlogs.newest(WEB, tmp_path).name == "10.log"
    with pytest.raises(NotFound, match="default/other"):
        podlogs.newest(WEB._replace(pod="other"), tmp_path)
    with pytest.raises(NotFound, match="has no log"):
        podlogs.newest(WEB._replace(name=""), tmp_path)


LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b" ")))


@given(LINES, st.integers(0, 12), st.integers(1, 40))
def test_the_last_lines_are_the_last_lines(lines: list[bytes], tail: int, piece: int) -> None:
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(podlogs, "PIECE", piece)
        whole = b"".join(line + b"\n" for line in lines)
        os.write(file.fileno(), whole)
        start = podlogs._start(file.fileno(), tail)
        assert whole[start:] == b"".join(line + b"\n" for line in (lines[-tail:] if tail else []))


@on_loop
async def test_all_of_it_is_read_and_its_end(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"".join(b"2026-01-01T00:00:00Z stdout F %d\n" % number for number in range(9000)))
    assert await said(path) == path.read_bytes()
    assert await said(path, 1) == b"2026-01-01T00:00:00Z stdout F 8999\n"
    assert await said(path, 0) == b""


@on_loop
async def test_who_follows_hears_what_comes_until_the_file_is_another_one(tmp_path: Path) -> None:
    path, clock = tmp_path / "0.log", FakeClock()
    path.write_bytes(b"one\n")
    pieces = podlogs.read(path, clock, tail=-1, follow=True)
    assert await anext(pieces) == b"one\n"
    with path.open("ab") as file:
        file.write(b"two\n")
    assert await anext(pieces) == b"two\n"
    path.rename(tmp_path / "0.log.1")
    path.write_bytes(b"three\n")
    assert [piece async for piece in pieces] == []
