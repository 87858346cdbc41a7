"""cpio and tar against the system's tools, the standard library and themselves."""

import io
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.codec import cpio, tar
from core.codec.member import Member

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=120).filter(
    lambda name: name not in (".", "..", cpio.TRAILER)
)
OWNERS = st.integers(0, 0o7777777)
FILES = st.builds(Member, NAMES, st.just(stat.S_IFREG | 0o644), st.binary(max_size=2000), mtime=OWNERS, uid=OWNERS)
LINKS = st.builds(lambda n, t: Member.link(n, t), NAMES, NAMES)
FOLDERS = st.builds(lambda n: Member.folder(n), NAMES)
DEVICES = st.builds(lambda n, a, b: Member.device(n, a, b), NAMES, st.integers(0, 255), st.integers(0, 255))
MEMBERS = st.lists(st.one_of(FILES, LINKS, FOLDERS, DEVICES), max_size=6)

SOME = [
    Member.folder("bin"),
    Member.file("bin/tool", b"\x7fELF", 0o755),
    Member.link("bin/other", "tool"),
    Member.file("bin/" + "long" * 40, b"x" * 1000),
    Member.link("far", "t" * 150),
]


@given(MEMBERS)
def test_both_give_back_what_they_were_given(members: list[Member]) -> None:
    assert list(cpio.unpack(cpio.pack(members))) == members
    assert list(tar.unpack(tar.pack(members))) == members


@given(st.binary(max_size=3000), st.integers(0, 2000), MEMBERS)
def test_damage_is_an_error_and_nothing_else(noise: bytes, at: int, members: list[Member]) -> None:
    for codec in (cpio, tar):
        whole = codec.pack(members)
        for data in (noise, whole[:at], whole[:at] + noise[:8] + whole[at + 8 :]):
            try:
                list(codec.unpack(data))
            except Invalid as error:
                assert error.message


@given(st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=3), st.integers(0, 2**40), st.integers(0, 2**40))
def test_numbers_too_large_for_a_header(times: list[int], uid: int, gid: int) -> None:
    members = [Member(str(n), stat.S_IFREG | 0o644, b"x", mtime=time, uid=uid, gid=gid) for n, time in enumerate(times)]
    members.append(Member("pipe", stat.S_IFIFO | 0o600))
    packed = tar.pack(members)
    assert list(tar.unpack(packed)) == members
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert [(m.mtime, m.uid, m.gid) for m in archive][:-1] == [(m.mtime, m.uid, m.gid) for m in members][:-1]
        assert archive.getmember("pipe").isfifo()


def test_cpio_unpacks_it(tmp_path: Path) -> None:
    members = [*SOME, Member.device("console", 5, 1)]
    subprocess.run(["cpio", "-i", "--quiet"], input=cpio.pack(members), cwd=tmp_path, check=True)
    assert (tmp_path / "bin/tool").read_bytes() == b"\x7fELF"
    assert (tmp_path / "bin/tool").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "bin/other").readlink() == Path("tool")
    assert stat.S_ISCHR((tmp_path / "console").stat().st_mode)
    listing = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], input=b"bin/tool\n", cwd=tmp_path, check=True, capture_output=True
    )
    assert [m.data for m in cpio.unpack(listing.stdout)] == [b"\x7fELF"]


def test_tar_and_tarfile_read_each_other(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(tar.pack(SOME))) as archive:
        assert [m.name for m in archive] == [m.name for m in SOME]
        assert [m.linkname for m in archive] == [m.target for m in SOME]
        assert archive.extractfile("bin/tool").read() == b"\x7fELF"  # type: ignore[union-attr]  # it is a file
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in SOME:
            info = tarfile.TarInfo(member.name)
            info.type = tar._TYPES[stat.S_IFMT(member.mode)]
            info.mode, info.linkname, info.size = member.mode & 0o7777, member.target, len(member.data)
            archive.addfile(info, io.BytesIO(member.data))
    assert list(tar.unpack(out.getvalue())) == SOME
    subprocess.run(["tar", "-x"], input=tar.pack(SOME), cwd=tmp_path, check=True)
    assert (tmp_path / SOME[3].name).read_bytes() == SOME[3].data


def test_what_tar_cannot_hold_is_refused() -> None:
    with pytest.raises(Invalid, match="cannot hold"):
        tar.pack([Member("socket", stat.S_IFSOCK)])
    hard = bytearray(tar.pack([Member.link("a", "b")]))
    hard[156:157] = b"1"
    hard[148:156] = b"%06o\0 " % (sum(hard[:148]) + sum(hard[156:512]) + 256)
    with pytest.raises(Invalid, match="kind b'1'"):
        list(tar.unpack(bytes(hard)))
    assert len(tar.header(Member.file("big", b""), 9 << 33)) == 3 * tar.BLOCK
