"""init's reader of superblock and footer against the codec that writes them, and against anything else."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import bundle, verity
from tests.support.pid1 import CHECKOUT, WARNINGS

DRIVER = r"""
#include <stdio.h>
#include <unistd.h>
#include "image.h"
/* each round: 96 bytes of superblock, 4096 of footer -> one line */
static int fill(unsigned char *out, size_t size)
{
    while (size) {
        ssize_t got = read(0, out, size);
        if (got <= 0)
            return 0;
        out += got;
        size -= (size_t)got;
    }
    return 1;
}
int main(void)
{
    unsigned char superblock[IMAGE_SUPERBLOCK], footer[IMAGE_BLOCK];
    while (fill(superblock, sizeof(superblock)) && fill(footer, sizeof(footer))) {
        struct image image;
        uint64_t offset;
        const char *problem = image_locate(superblock, &image, &offset);
        if (!problem)
            problem = image_footer(footer, &image);
        if (problem)
            printf("no: %s\n", problem);
        else
            printf("%llu %llu %llu %llu %02x%02x%02x%02x\n", (unsigned long long)offset,
                   (unsigned long long)image.data_size, (unsigned long long)image.hash_size,
                   (unsigned long long)image.build_date, image.root_hash[31], image.salt[31], image.key_id[31],
                   image.signature[63]);
        fflush(stdout);
    }
    return 0;
}
"""


class Reader:
    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, superblock: bytes, footer: bytes) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(superblock + footer)
        self._process.stdin.flush()
        line = self._process.stdout.readline().decode().strip()
        assert line, "the reader died"
        return line

    def close(self) -> None:
        self._process.communicate(timeout=10)
        assert self._process.returncode == 0


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("reader")
    source, program = folder / "driver.c", folder / "driver"
    source.write_text(DRIVER)
    instrumented = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    c = [source, CHECKOUT / "ext/init/image.c"]
    subprocess.run(["gcc", *WARNINGS, *instrumented, f"-I{CHECKOUT}/ext/init", "-o", program, *c], check=True)
    made = Reader(program)
    yield made
    made.close()


def superblock(used: int) -> bytes:
    block = bytearray(96)
    block[:4] = b"hsqs"
    block[28:30] = (4).to_bytes(2, "little")
    block[40:48] = used.to_bytes(8, "little")
    return bytes(block)


def footer(used: int, date: int, filler: int) -> bytes:
    data = -(-used // 4096) * 4096
    root, salt, key, files = (bytes([filler + n]) * 32 for n in range(4))
    made = bundle.Footer(data, verity.tree_size(data // 4096), date, root, salt, key, files, "v1")
    return bundle.append_signature(bundle.encode(made), bytes([filler]) * 64)


@settings(deadline=None)
@given(st.integers(4097, 1 << 40), st.integers(0, 2**63), st.integers(0, 250))
def test_reads_what_the_codec_writes(reader: Reader, used: int, date: int, filler: int) -> None:
    block = footer(used, date, filler)
    decoded, signature = bundle.decode(block)
    head = superblock(used)
    expected = f"{bundle.footer_offset(head)} {decoded.data_size} {decoded.hash_size} {date} "
    tail = bytes((decoded.root_hash[31], decoded.salt[31], decoded.key_id[31], signature[63])).hex()
    assert reader.read(head, block) == expected + tail


@settings(deadline=None, max_examples=300)
@given(
    st.integers(4097, 1 << 32), st.lists(st.tuples(st.integers(0, 111), st.integers(1, 255)), min_size=1, max_size=4)
)
def test_refuses_or_reads_what_was_changed_as_the_codec_does(
    reader: Reader, used: int, changes: list[tuple[int, int]]
) -> None:
    block = bytearray(footer(used, 7, 1))
    for offset, difference in changes:
        block[offset] ^= difference
    line = reader.read(superblock(used), bytes(block))
    try:
        decoded, _ = bundle.decode(bytes(block))
        fits = decoded.data_size == bundle.data_size(superblock(used))
    except Invalid:
        fits = False
    assert line.startswith("no: ") is not fits


@settings(deadline=None, max_examples=300)
@given(st.binary(min_size=96, max_size=96), st.binary(min_size=48, max_size=48), st.booleans())
def test_survives_anything(reader: Reader, head: bytes, start: bytes, magic: bool) -> None:
    if magic:
        head, start = b"hsqs" + head[4:28] + b"\4\0" + head[30:], b"ICHORIMG" + start[8:]
    assert reader.read(head, start.ljust(4096, b"\xff"))


@pytest.mark.parametrize("used", [0, 95, 96, 4096, (1 << 40) + 1, 2**64 - 1, 2**64 - 4095])
def test_refuses_sizes_out_of_bounds(reader: Reader, used: int) -> None:
    assert reader.read(superblock(used), footer(8192, 1, 1)) == "no: squashfs size out of bounds"
