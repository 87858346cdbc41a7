"""ext.verity against veritysetup, and every kind of damage named."""

import hashlib
import os
import re
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.codec import verity
from ext.verity import build, first_bad_block

SALT = bytes(range(32))


def _reference(data: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """The slow, obvious twin."""
    tree, level = b"", data
    while len(level) > verity.BLOCK:
        blocks = (level[i : i + verity.BLOCK] for i in range(0, len(level), verity.BLOCK))
        level = b"".join(hashlib.sha256(salt + block).digest() for block in blocks)
        level += bytes(-len(level) % verity.BLOCK)
        tree = level + tree
    return hashlib.sha256(salt + level).digest(), tree


def _file(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    return os.open(path, os.O_RDWR)


@pytest.mark.parametrize("blocks", [2, 127, 128, 129, 700, 16384, 16385])
def test_equal_to_veritysetup(tmp_path: Path, blocks: int) -> None:
    image, tree_file = tmp_path / "image", tmp_path / "tree"
    fd = _file(image, os.urandom(1 << 16).ljust(blocks * 4096, b"x")[: blocks * 4096])
    root, tree = build(fd, blocks, SALT)
    os.close(fd)
    command = ["veritysetup", "format", "--no-superblock", "--data-block-size=4096", "--hash-block-size=4096"]
    out = subprocess.run(
        [*command, f"--salt={SALT.hex()}", image, tree_file], check=True, capture_output=True, text=True
    ).stdout
    match = re.search(r"Root hash:\s+([0-9a-f]{64})", out)
    assert match and match[1] == root.hex()
    assert tree_file.read_bytes() == tree
    assert len(tree) == verity.tree_size(blocks)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 300), st.binary(max_size=40), st.integers())
def test_a_changed_byte_is_named(tmp_path_factory: pytest.TempPathFactory, blocks: int, salt: bytes, seed: int) -> None:
    random = Random(seed)
    data = random.randbytes(blocks * 4096)
    path = tmp_path_factory.mktemp("verity") / "image"
    fd = _file(path, data)
    try:
        root, tree = build(fd, blocks, salt)
        assert (root, tree) == _reference(data, salt)
        os.pwrite(fd, tree, len(data))
        assert first_bad_block(fd, blocks, blocks, salt, root) is None
        at = random.randrange(len(data) + len(tree))
        os.pwrite(fd, bytes([(data + tree)[at] ^ 1]), at)
        assert first_bad_block(fd, blocks, blocks, salt, root) == at // 4096
    finally:
        os.close(fd)
        path.unlink()


def test_the_first_of_several_is_named_and_a_short_file_is_an_error(tmp_path: Path) -> None:
    data = bytes(300 * 4096)
    fd = _file(tmp_path / "image", data)
    root, tree = build(fd, 300, SALT)
    os.pwrite(fd, tree, len(data))
    for block in (299, 7, 150):
        os.pwrite(fd, b"!", block * 4096)
    assert first_bad_block(fd, 300, 300, SALT, root) == 7
    os.ftruncate(fd, len(data))
    with pytest.raises(OSError, match="reading an image"):
        first_bad_block(fd, 300, 300, SALT, root)
    with pytest.raises(OSError, match="reading an image"):
        build(fd, 301, SALT)
    os.close(fd)


def test_refuses_nonsense(tmp_path: Path) -> None:
    fd = _file(tmp_path / "image", bytes(8192))
    with pytest.raises(ValueError, match="at least two"):
        build(fd, 1, SALT)
    with pytest.raises(ValueError, match="32 bytes"):
        first_bad_block(fd, 2, 2, SALT, b"short")
    os.close(fd)
    with pytest.raises(OSError, match="reading an image"):
        build(fd, 2, SALT)
