"""ext.verity against veritysetup, and every kind of damage named."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.codec import verity
from ext.verity import build, first_bad_block
from tests.ext_verity.twin import tree_of

SALT = bytes(range(32))
FORMAT = ["--no-superblock", "--data-block-size=4096", "--hash-block-size=4096"]


def _file(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    return os.open(path, os.O_RDWR)


@pytest.mark.parametrize("blocks", [2, 127, 128, 129, 700, 16383, 16384, 16385])
@pytest.mark.parametrize("salt", [SALT, bytes(256)], ids=["salt 32", "salt 256"])
def test_equal_to_veritysetup(tmp_path: Path, blocks: int, salt: bytes) -> None:
    image, tree_file = tmp_path / "image", tmp_path / "tree"
    fd = _file(image, os.urandom(1 << 16).ljust(blocks * 4096, b"x")[: blocks * 4096])
    root, tree = build(fd, blocks, salt)
    os.close(fd)
    out = subprocess.run(
        ["veritysetup", "format", *FORMAT, f"--salt={salt.hex()}", image, tree_file],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    match = re.search(r"Root hash:\s+([0-9a-f]{64})", out)
    assert match and match[1] == root.hex()
    assert tree_file.read_bytes() == tree
    assert len(tree) == verity.tree_size(blocks)


def test_veritysetup_accepts_what_we_build(tmp_path: Path) -> None:
    image, tree_file = tmp_path / "image", tmp_path / "tree"
    fd = _file(image, os.urandom(300 * 4096))
    root, tree = build(fd, 300, SALT)
    tree_file.write_bytes(tree)
    command = ["veritysetup", "verify", *FORMAT, f"--salt={SALT.hex()}", str(image), str(tree_file), root.hex()]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    os.pwrite(fd, b"!", 299 * 4096)
    os.close(fd)
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 300), st.binary(max_size=256), st.integers(1, 3), st.integers())
def test_a_changed_bit_is_named(
    tmp_path_factory: pytest.TempPathFactory, blocks: int, salt: bytes, threads: int, seed: int
) -> None:
    random = Random(seed)
    data = random.randbytes(blocks * 4096)
    path = tmp_path_factory.mktemp("verity") / "image"
    fd = _file(path, data)
    try:
        root, tree = build(fd, blocks, salt, threads=threads)
        assert (root, tree) == tree_of(data, salt)
        os.pwrite(fd, tree, len(data))
        assert first_bad_block(fd, blocks, blocks, salt, root, threads=threads) is None
        at = random.randrange(len(data) + len(tree))
        os.pwrite(fd, bytes([(data + tree)[at] ^ 1 << random.randrange(8)]), at)
        assert first_bad_block(fd, blocks, blocks, salt, root, threads=threads) == at // 4096
    finally:
        os.close(fd)
        path.unlink()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_first_of_several_is_named(tmp_path: Path, threads: int) -> None:
    """Whichever thread finds which."""
    blocks = 5000
    fd = _file(tmp_path / "image", data := bytes(blocks * 4096))
    root, tree = build(fd, blocks, SALT)
    os.pwrite(fd, tree, len(data))
    for block in (4999, 1024, 257, 256, 255):
        os.pwrite(fd, b"!", block * 4096)
        assert first_bad_block(fd, blocks, blocks, SALT, root, threads=threads) == block
    os.close(fd)


def test_a_short_file_is_an_error(tmp_path: Path) -> None:
    fd = _file(tmp_path / "image", data := bytes(300 * 4096))
    root, tree = build(fd, 300, SALT)
    os.pwrite(fd, tree, len(data))
    for size in (len(data) + len(tree) - 1, len(data), 4097, 0):
        os.ftruncate(fd, size)
        with pytest.raises(OSError, match="reading an image"):
            first_bad_block(fd, 300, 300, SALT, root)
    for size in (300 * 4096 - 1, 4096, 0):
        os.ftruncate(fd, size)
        with pytest.raises(OSError, match="reading an image"):
            build(fd, 300, SALT)
    os.close(fd)


def test_a_file_that_shrinks_meanwhile_is_an_error_and_no_signal(tmp_path: Path) -> None:
    """Truncated again and again, by a thread that never rests."""
    blocks, path = 30000, tmp_path / "image"
    fd = _file(path, b"")
    over = threading.Event()

    def flicker() -> None:
        while not over.is_set():
            os.ftruncate(fd, blocks * 4096)
            os.ftruncate(fd, 4096)

    thread = threading.Thread(target=flicker)
    thread.start()
    try:
        for _ in range(20):
            with pytest.raises(OSError, match="reading an image"):
                build(fd, blocks, SALT, threads=3)
    finally:
        over.set()
        thread.join()
        os.close(fd)


def test_progress_counts_up_and_what_it_raises_ends_all(tmp_path: Path) -> None:
    blocks = 40000
    with (tmp_path / "image").open("w+b") as file:
        file.truncate(blocks * 4096)
        seen: list[int] = []
        root, _ = build(file.fileno(), blocks, SALT, progress=seen.append, threads=2)
        assert seen == sorted(seen) and seen[0] < blocks and seen[-1] <= blocks

        def stop(done: int) -> None:
            raise InterruptedError(f"enough at {done}")

        before = threading.active_count()
        with pytest.raises(InterruptedError, match="enough"):
            build(file.fileno(), blocks, SALT, progress=stop, threads=3)
        assert threading.active_count() == before
        assert build(file.fileno(), blocks, SALT)[0] == root


def test_a_signal_ends_it_without_a_word_of_progress(tmp_path: Path) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise InterruptedError(f"signal {number}")

    blocks, before = 1 << 19, threading.active_count()
    earlier = signal.signal(signal.SIGALRM, interrupt)
    try:
        with (tmp_path / "image").open("w+b") as file:
            file.truncate(blocks * 4096)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(InterruptedError, match="signal") as caught:
                build(file.fileno(), blocks, SALT, threads=2, kernel="portable")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
    assert any(str(entry.path).endswith("verity.pyx") for entry in caught.traceback)
    assert threading.active_count() == before


def test_refuses_nonsense(tmp_path: Path) -> None:
    fd = _file(tmp_path / "image", bytes(8192))
    with pytest.raises(ValueError, match="at least two"):
        build(fd, 1, SALT)
    with pytest.raises(ValueError, match="32 bytes"):
        first_bad_block(fd, 2, 2, SALT, b"short")
    os.close(fd)
    with pytest.raises(OSError, match="reading an image"):
        build(fd, 2, SALT)
