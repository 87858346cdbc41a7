"""Every kernel of this processor against hashlib: all salts, all numbers of blocks around its lanes; and sixteen lanes
also where no processor has them."""

import ctypes
import hashlib
import os
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.verity import best_kernel, build, kernels
from tests.ext_verity.twin import tree_of

UNIT = Path(__file__).parents[2] / "ext/verity"


@pytest.mark.parametrize("kernel", kernels())
@settings(max_examples=60, deadline=None)
@given(blocks=st.integers(2, 70), salt=st.binary(max_size=256), seed=st.integers())
def test_equal_to_hashlib(
    tmp_path_factory: pytest.TempPathFactory, kernel: str, blocks: int, salt: bytes, seed: int
) -> None:
    path = tmp_path_factory.mktemp("kernel") / "data"
    path.write_bytes(data := Random(seed).randbytes(blocks * 4096))
    with path.open("rb") as file:
        assert build(file.fileno(), blocks, salt, kernel=kernel) == tree_of(data, salt)
    path.unlink()


@pytest.mark.parametrize("kernel", kernels())
def test_every_salt_length(tmp_path: Path, kernel: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(data := os.urandom(17 * 4096))
    with path.open("rb") as file:
        for length in range(257):
            salt = os.urandom(length)
            assert build(file.fileno(), 17, salt, kernel=kernel) == tree_of(data, salt), length


def test_the_best_is_one_of_them_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    assert best_kernel() in kernels()
    assert "portable" in kernels()
    (tmp_path / "data").write_bytes(bytes(8192))
    with (tmp_path / "data").open("rb") as file, pytest.raises(ValueError, match="no kernel 'abacus'"):
        build(file.fileno(), 2, b"", kernel="abacus")


def test_sixteen_lanes_in_plain_c(tmp_path: Path) -> None:
    """The code of the AVX-512 kernel, compiled for any processor."""
    source = tmp_path / "lanes.c"
    source.write_text(
        '#define LANES 16\n#define KERNEL wide\n#define NAME "wide"\n#define TARGET\n#define USABLE 1\n'
        '#include "native_lanes.h"\n'
        "void digest(const uint8_t *salt, size_t length, const uint8_t *blocks, size_t count, uint8_t *out)\n"
        "{ struct sha256_salt s; sha256_begin(&s, salt, length); sha256_blocks(&wide, &s, blocks, count, out); }\n"
    )
    others = sorted(UNIT.glob("native_*.c"))
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wno-psabi", f"-I{UNIT}", "-o", str(tmp_path / "lanes.so")]
    subprocess.run([*command, str(source), *map(str, others)], check=True)
    library = ctypes.CDLL(str(tmp_path / "lanes.so"))
    for length, count in ((0, 1), (32, 16), (55, 17), (56, 31), (64, 33), (255, 5)):
        salt, data = os.urandom(length), os.urandom(count * 4096)
        out = ctypes.create_string_buffer(count * 32)
        library.digest(salt, ctypes.c_size_t(length), data, ctypes.c_size_t(count), out)
        blocks = (data[i : i + 4096] for i in range(0, len(data), 4096))
        assert out.raw == b"".join(hashlib.sha256(salt + block).digest() for block in blocks)
