"""The program against the twin of ext.verity: every kind of damage named, every wrong argument refused, and behind
everybody else while it runs. As it is built, and instrumented."""

import os
import re
import signal
import subprocess
from pathlib import Path
from random import Random

import pytest

from ext.verity import first_bad_block
from tests.ext_verity.twin import tree_of
from tests.support import pid1

SALT = bytes(range(32))
NATIVE = [str(path) for path in sorted((pid1.CHECKOUT / "ext/verity").glob("native_*.c"))]


@pytest.fixture(scope="module", params=[False, True], ids=["as built", "instrumented"])
def program(request: pytest.FixtureRequest) -> str:
    """Its path. `make build` has made the first."""
    if request.param:
        return str(pid1.build("imagecheck", *NATIVE, sanitize=True))
    return str(pid1.CHECKOUT / "_out/programs/imagecheck")


def image(path: Path, blocks: int, salt: bytes = SALT) -> bytes:
    """A file of data and its tree; the root hash."""
    data = Random(blocks).randbytes(blocks * 4096)
    root, tree = tree_of(data, salt)
    path.write_bytes(data + tree)
    return root


def check(program: str, path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    argv = [program, str(path), *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        (byte,) = os.pread(file.fileno(), 1, offset)
        os.pwrite(file.fileno(), bytes([byte ^ 1]), offset)


@pytest.mark.parametrize("blocks", [2, 127, 128, 129, 700])
@pytest.mark.parametrize("salt", [b"", SALT, bytes(256)], ids=["no salt", "salt 32", "salt 256"])
def test_what_is_whole_passes(tmp_path: Path, program: str, blocks: int, salt: bytes) -> None:
    root = image(tmp_path / "image", blocks, salt)
    done = check(program, tmp_path / "image", blocks, blocks, salt.hex(), root.hex())
    assert (done.returncode, done.stderr) == (0, "")
    *earlier, last = done.stdout.splitlines()  # earlier ones where a second passes
    assert last == f"checked {blocks} of {blocks} blocks"
    assert all(re.fullmatch(rf"checked \d+ of {blocks} blocks", line) for line in earlier)


def test_each_damage_is_named_as_the_library_names_it(tmp_path: Path, program: str) -> None:
    blocks, path = 1200, tmp_path / "image"
    root = image(path, blocks)
    total = path.stat().st_size // 4096
    fd = os.open(path, os.O_RDONLY)
    for block in (0, 1, 511, 512, 1199, *range(blocks, total)):  # of data, in each piece; and all of the tree
        flip(path, block * 4096 + block % 4096)
        done = check(program, path, blocks, blocks, SALT.hex(), root.hex())
        assert done.returncode == 1
        (named,) = re.findall(r"^block (\d+) has not its hash$", done.stdout, re.M)
        assert int(named) == first_bad_block(fd, blocks, blocks, SALT, root) == block
        flip(path, block * 4096 + block % 4096)
    os.close(fd)


def test_the_first_of_many_is_named_and_a_wrong_root_is_the_trees_top(tmp_path: Path, program: str) -> None:
    path = tmp_path / "image"
    root = image(path, 600)
    for block in (599, 300, 77):
        flip(path, block * 4096)
    assert "block 77 has" in check(program, path, 600, 600, SALT.hex(), root.hex()).stdout
    assert "block 600 has" in check(program, path, 600, 600, SALT.hex(), bytes(32).hex()).stdout


def test_what_cannot_be_told_is_no_verdict(tmp_path: Path, program: str) -> None:
    path = tmp_path / "image"
    root = image(path, 300)
    good: list[object] = [300, 300, SALT.hex(), root.hex()]
    for index, wrong in (
        *((0, text) for text in ("1", "", "-2", "x", "3e2", str(1 << 41), str(1 << 65))),
        *((1, text) for text in ("", "-1", "304", str(1 << 39))),
        *((2, text) for text in ("0", "zz", "ab" * 257, " 0")),
        *((3, text) for text in ("", "00", "00" * 33, "0x" + "00" * 31)),
    ):
        done = check(program, path, *good[:index], wrong, *good[index + 1 :])
        assert done.returncode == 2, (index, wrong)
        assert done.stderr.startswith("imagecheck: ")
        assert "has not its hash" not in done.stdout
    assert check(program, path, *good[:3]).returncode == 2
    assert check(program, tmp_path / "none", *good).returncode == 2
    assert check(program, tmp_path, *good).returncode == 2
    with path.open("r+b") as file:
        file.truncate(4096 * 200)
    assert check(program, path, *good).returncode == 2


def test_it_stands_behind_everybody_and_ends_when_told(tmp_path: Path, program: str) -> None:
    """Stopped by a pipe in place of a disk's bytes: nobody ever writes to it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([program, str(pipe), "2", "2", "", bytes(32).hex()], stderr=subprocess.PIPE)
    try:
        stat = Path(f"/proc/{process.pid}/stat")

        def fields() -> list[str]:
            return stat.read_text().rpartition(")")[2].split()

        pid1.until(lambda: os.sched_getscheduler(process.pid) == os.SCHED_IDLE, what="SCHED_IDLE")
        pid1.until(lambda: fields()[16] == "19", what="nice 19")
        until_class(process.pid, "idle")
        assert fields()[17] == "1"  # a thread
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
    finally:
        process.kill()
        process.communicate()


def until_class(pid: int, name: str) -> None:
    """Until `ionice`, which reads what the kernel holds, says that."""
    ask = ["ionice", "-p", str(pid)]
    pid1.until(lambda: subprocess.check_output(ask, text=True) == f"{name}\n", what=f"I/O class {name}")
