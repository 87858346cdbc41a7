"""A test that hangs fails in its time, is seen where it stands, and gives back what it holds; the run goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HUNG = """
import asyncio, threading, pytest, uvloop
from pathlib import Path

@pytest.fixture
def held(tmp_path):
    yield
    Path("given-back").touch()

async def stands_here():
    await asyncio.Event().wait()

@pytest.mark.timeout(1)
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_in_a_loop(held, run):
    run(stands_here())

@pytest.mark.timeout(1)
def test_with_a_thread(held):
    done = threading.Event()
    thread = threading.Thread(target=done.wait, name="bystander")
    thread.start()
    try:
        threading.Event().wait()
    finally:
        done.set()
        thread.join()

def test_after_it():
    assert Path("given-back").exists()
"""


@pytest.mark.parametrize(("test", "seen"), [("in_a_loop", "stands_here"), ("with_a_thread", "Stack of bystander")])
def test_who_hangs_fails_alone(tmp_path: Path, test: str, seen: str) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "test_hung.py").write_text(HUNG)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.support.limits"]
    command += ["-k", f"{test} or after_it", "test_hung.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "takes longer than 1 s" in done.stdout
    assert seen in done.stdout + done.stderr
