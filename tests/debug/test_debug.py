"""`make debug`, and that it finds what it is for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.debug.build import ROOT
from tests.support.results import Record

PLANTED = """
import ctypes
from ext.http2.framing import Decoder
from ext.ring import Ring

kept = []

def test_object():
    kept.append(Decoder(10))
    kept.append(Ring.create("planted", 4096))

def test_heap():
    for size in range(1000, 1010):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(bytes(size)))

def test_one_too_far():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    ctypes.memset(libc.malloc(8), 0, 9)
"""


def debug(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of its own; what it said."""
    command = [sys.executable, "-m", "tests.debug", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_is_left_and_what_is_trampled_on_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "test_planted.py"
    planted.write_text(PLANTED)
    ended = debug(str(planted), "-k", "object or heap")
    assert ended.returncode == 1
    left = "1 /memfd, 1 ext.http2.framing.Decoder, 1 ext.ring.ring.Ring"
    assert f"left at the end: {left}\n" in ended.stdout
    assert f"test_planted.py::test_object: {left}\n" in ended.stdout
    assert "LeakSanitizer: detected memory leaks" in ended.stdout
    ended = debug(str(planted), "-k", "too_far")
    assert ended.returncode != 0
    assert "heap-buffer-overflow" in ended.stdout


@pytest.mark.slow
def test_the_units_suites_are_clean(record_result: Record) -> None:
    ended = debug()
    assert ended.returncode == 0, ended.stdout
    record_result("under ASan and UBSan", ended.stdout.splitlines()[-1])
