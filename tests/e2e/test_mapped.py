"""What a running node's processes have mapped: one of each library, and nothing that is not the image's."""

import re
from pathlib import Path

import pytest

from tests.support.cluster import DAEMONS, Node

pytestmark = pytest.mark.root
_MAPPED = re.compile(r"\S+ (\S+) \S+ (\S+) (\d+) +(/.*)")


def _mapped(pid: int) -> list[tuple[str, str, str]]:
    """(permissions, device:inode, path) of each mapping of a file."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    found = [match for line in lines if (match := _MAPPED.fullmatch(line))]
    return [(m[1], f"{m[2]} {m[3]}", m[4]) for m in found]


def _libraries(node: Node, word: str) -> set[tuple[str, str]]:
    """(inode, path) of mapped files with this word in their name, over all of our daemons."""
    pids = [node.pid(name) for name in DAEMONS]
    return {(place, path) for pid in pids for _, place, path in _mapped(pid) if word in path.rpartition("/")[2]}


@pytest.mark.parametrize("library", ["libcrypto", "libssl", "libpython", "libnghttp2", "libc.so"])
def test_one_of_each_library_is_mapped(node: Node, library: str) -> None:
    assert len(_libraries(node, library)) == 1


def test_protobuf_is_the_upb_kind(node: Node) -> None:
    assert [path for _, path in _libraries(node, "_message")] == [
        "/usr/lib/python3.13/site-packages/google/_upb/_message.abi3.so"
    ]


def test_code_is_the_images_alone(node: Node) -> None:
    """All that is executable is a file of the image, and nothing is writable besides."""
    device = {place.partition(" ")[0] for place, path in _libraries(node, "libc.so")}
    for name in DAEMONS:
        for permissions, place, path in _mapped(node.pid(name)):
            assert "x" not in permissions or place.partition(" ")[0] in device, f"{name}: {path}"
            assert "w" not in permissions or "x" not in permissions, f"{name}: {path}"
