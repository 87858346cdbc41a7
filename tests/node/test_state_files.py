"""What STATE and META hold after crashes and damage, in real folders and files."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Exhausted, Invalid
from core.codec import meta as codec
from core.node.meta import Meta, blank
from core.node.state_files import StateFiles


def _parse(data: bytes) -> str:
    if not data.startswith(b"version: v1alpha1"):
        raise Invalid("not a config")
    return data.decode()


A, B, C = (b"version: v1alpha1 # %c\n" % letter for letter in b"abc")


def test_a_new_node_has_no_config(tmp_path: Path) -> None:
    assert StateFiles(tmp_path).load_config(_parse) is None


@pytest.mark.parametrize("damage", [b"", b"\0" * 100, b"version: v1", b"\xff\xfe", b" \n"])
def test_a_damaged_config_falls_back_to_the_last_good_one(damage: bytes, tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    for data in (A, B):
        files.save_config(data, _parse)
    stored = files.load_config(_parse)
    assert stored is not None
    assert (stored.data, stored.problems) == (B, ())
    (tmp_path / "config.yaml").write_bytes(damage)
    stored = files.load_config(_parse)
    assert stored is not None
    assert stored.value == A.decode()
    assert "config.yaml" in stored.problems[0]
    # saving over the damage must not make the damage the one to fall back to
    files.save_config(C, _parse)
    stored = files.load_config(_parse)
    assert stored is not None
    assert stored.data == C
    assert (tmp_path / "config.yaml.previous").read_bytes() == A


def test_the_same_config_twice_keeps_the_one_before(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    for data in (A, B, B):
        files.save_config(data, _parse)
    (tmp_path / "config.yaml").write_bytes(b"")
    stored = files.load_config(_parse)
    assert stored is not None
    assert stored.data == A


def test_only_bad_files_are_no_new_node(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"nonsense")
    with pytest.raises(Invalid, match="no stored config is good"):
        StateFiles(tmp_path).load_config(_parse)
    StateFiles(tmp_path).drop_config()
    assert StateFiles(tmp_path).load_config(_parse) is None


def test_the_identity_stays(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)

    def encode(raw: bytes) -> str:
        return base64.b16encode(raw).decode()

    first = files.identity(encode)
    assert len(first) == 64
    assert files.identity(encode) == StateFiles(tmp_path).identity(encode) == first
    assert (tmp_path / "node-identity.yaml").stat().st_mode & 0o777 == 0o600
    (tmp_path / "node-identity.yaml").write_text("nodeId: ?\n")
    with pytest.raises(Invalid):
        files.identity(encode)


@given(st.dictionaries(st.integers(1, 255), st.binary(max_size=50), max_size=5), st.integers(1, 255))
def test_meta_is_what_was_written_last(
    tmp_path_factory: pytest.TempPathFactory, values: dict[int, bytes], key: int
) -> None:
    path = tmp_path_factory.mktemp("meta") / "meta"
    path.write_bytes(b"")
    meta = Meta(path)
    assert meta.values == {}
    for k, v in values.items():
        meta.set(k, v)
    assert meta.delete(key) is (key in values)
    values.pop(key, None)
    meta.close()
    again = Meta(path)
    assert again.values == values
    again.close()
    assert path.stat().st_size == codec.PARTITION_SIZE


def test_a_torn_meta_is_read_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "meta"
    with path.open("w+b") as file:
        file.truncate(codec.PARTITION_SIZE)
        blank(file.fileno())
    meta = Meta(path)
    assert not meta.mend()
    meta.set(6, b"A")
    with pytest.raises(Exhausted):
        meta.set(7, bytes(codec.CAPACITY))
    assert meta.values == {6: b"A"}
    meta.close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"torn")
    meta = Meta(path)
    assert meta.values == {6: b"A"}
    assert meta.mend()
    assert codec.intact(path.read_bytes())
    meta.close()
