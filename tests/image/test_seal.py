"""A small sealed image against independent tools, and every kind of damage refused."""

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from core.base.errors import Denied, Invalid, Unsupported
from core.cli.main import run
from core.codec import bundle, squashfs
from core.image import keys, tables
from core.image.seal import seal
from core.image.verify import verify
from core.pki import signing

SEED = bytes(range(32))
PUBLIC = signing.public_key(SEED)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    for number in range(40):
        (source / "folder" / f"small{number}").write_bytes(b"%d" % number * 700)
    (source / "large").write_bytes(b"".join(i.to_bytes(4, "big") for i in range(300_000)))
    (source / "link").symlink_to("large")
    plain = tmp_path / "squashfs"
    options = [
        "-comp",
        "zstd",
        "-b",
        "131072",
        "-noI",
        "-noId",
        "-no-exports",
        "-no-xattrs",
        "-all-root",
        "-quiet",
        "-no-progress",
    ]
    subprocess.run(["mksquashfs", source, plain, *options], check=True, capture_output=True)
    tables.decompress_fragments(plain, _unzstd)
    seal(plain, tmp_path / "image", SEED, date=1700000000, files=bytes(32))
    return tmp_path / "image"


def _unzstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-dc"], input=data, check=True, capture_output=True).stdout


def test_it_is_what_was_signed(image: Path) -> None:
    footer = verify(image, PUBLIC)
    assert footer.build_date == 1700000000
    assert footer.key_id == signing.key_id(PUBLIC)
    assert image.stat().st_size == footer.offset + bundle.BLOCK


def test_veritysetup_unsquashfs_and_openssl_agree(image: Path, tmp_path: Path) -> None:
    footer = verify(image, PUBLIC)
    layout = [
        f"--hash-offset={footer.hash_offset}",
        f"--data-blocks={footer.data_blocks}",
        f"--salt={footer.salt.hex()}",
    ]
    command: list[str | Path] = [
        "veritysetup",
        "verify",
        "--no-superblock",
        *layout,
        image,
        image,
        footer.root_hash.hex(),
    ]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(
        ["unsquashfs", "-d", tmp_path / "out", "-quiet", "-no-progress", image], check=True, capture_output=True
    )
    subprocess.run(["diff", "-r", tmp_path / "source", tmp_path / "out"], check=True)
    block = image.read_bytes()[footer.offset :]
    (tmp_path / "signed").write_bytes(block[: bundle.SIGNED])
    (tmp_path / "signature").write_bytes(block[bundle.SIGNED :])
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + PUBLIC)
    check: list[str | Path] = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-keyform",
        "DER",
        "-inkey",
        "key.der",
        "-rawin",
    ]
    subprocess.run([*check, "-in", "signed", "-sigfile", "signature"], cwd=tmp_path, check=True, capture_output=True)


def test_damage_anywhere_is_refused(image: Path) -> None:
    whole = image.read_bytes()
    footer = verify(image, PUBLIC)
    for at in (5000, footer.data_size - 1, footer.hash_offset, footer.offset - 1, footer.offset + 100, len(whole) - 1):
        image.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((Invalid, Denied), match=f"block {at // 4096} " if at < footer.offset else None):
            verify(image, PUBLIC)
    image.write_bytes(whole[: footer.offset])
    with pytest.raises(Invalid):
        verify(image, PUBLIC)


def test_another_key_is_refused(image: Path) -> None:
    with pytest.raises(Denied, match="signed by key"):
        verify(image, signing.public_key(bytes(32)))


def test_equal_inputs_give_equal_bytes(image: Path, tmp_path: Path) -> None:
    seal(tmp_path / "squashfs", tmp_path / "again", SEED, date=1700000000, files=bytes(32))
    assert (tmp_path / "again").read_bytes() == image.read_bytes()


def test_each_block_is_named_by_its_file(image: Path, tmp_path: Path) -> None:
    data = image.read_bytes()
    layout = squashfs.layout(_reader(data))
    assert {file.path for file in layout.files} == {"/large", *(f"/folder/small{n}" for n in range(40))}
    large = next(file for file in layout.files if file.path == "/large")
    assert layout.owners(large.start, 1) == ["/large"]
    assert "/folder/small7" in layout.owners(layout.fragments[0][0], 1)
    assert layout.owners(verify(image, PUBLIC).data_size, 4096) == []


def _reader(data: bytes) -> squashfs.Read:
    return lambda offset, size: data[offset : offset + size]


def test_noise_is_no_squashfs(image: Path) -> None:
    data = bytearray(image.read_bytes())
    for at in range(96):
        broken = bytes(data[:at]) + bytes([data[at] ^ 0xFF]) + bytes(data[at + 1 :])
        with contextlib.suppress(Invalid, Unsupported):
            squashfs.layout(_reader(broken))


def test_keys_are_private(tmp_path: Path) -> None:
    seed = keys.development(tmp_path)
    path = tmp_path / "keys" / "image.key"
    assert keys.development(tmp_path) == seed
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(Denied, match="chmod 600"):
        keys.load(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(Invalid, match="32"):
        keys.load(path)


def test_the_verb_says_what_it_checked_and_whose_the_bad_block_is(
    image: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key.pub"
    key.write_bytes(PUBLIC)
    footer = verify(image, PUBLIC)
    arguments = ["image", "verify", str(image), "--key", str(key)]
    assert run([*arguments, "-o", "json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["root_hash"], told["key"]) == (footer.root_hash.hex(), footer.key_id.hex())
    assert (told["data_blocks"], told["tree_blocks"]) == (footer.data_blocks, footer.hash_size // bundle.BLOCK)
    assert told["size"] == image.stat().st_size and told["mb_per_second"] > 0
    assert run(arguments) == 0
    assert f"root hash    {footer.root_hash.hex()}\n" in capfd.readouterr().out
    for at, owner in ((footer.data_size // 2, "file /large"), (footer.hash_offset, "hash tree")):
        with image.open("r+b") as file:
            file.seek(at)
            was = file.read(1)
            file.seek(at)
            file.write(bytes([was[0] ^ 4]))
        assert run(arguments) == 1
        text = f"error: {image}: block {at // 4096} is not what was signed, {owner}; build or fetch the image again\n"
        assert capfd.readouterr().err == text
        with image.open("r+b") as file:
            file.seek(at)
            file.write(was)
    image.write_bytes(image.read_bytes()[: footer.data_size])
    assert run(arguments) == 1
    assert capfd.readouterr().err == "error: there is no image footer where the superblock says\n"
