"""Control groups out of a copy of the kernel's files, of both kinds of hierarchy."""

import io
import tarfile

import pytest

from core.base.errors import Invalid
from core.cli.cgroupfiles import read
from core.cli.cgroups import PRESETS, row


def archive(files: dict[str, str]) -> io.BytesIO:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as out:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            out.addfile(member, io.BytesIO(text.encode()))
    data.seek(0)
    return data


UNIFIED = {
    "cgroup.procs": "",
    "a/memory.current": "1500000\n",
    "a/memory.max": "max\n",
    "a/cpu.stat": "usage_usec 2500000\nuser_usec 1000000\nsystem_usec 1500000\n",
    "a/b/io.stat": "8:0 rbytes=1000 wbytes=2 rios=3 wios=4\n8:16 rbytes=500 wbytes=0 rios=1 wios=0\n",
    "a/b/memory.pressure": "some avg10=1.50 avg60=0.00 total=1\nfull avg10=0.25 avg60=0.00 total=1\n",
    "a/b/cgroup.procs": "1\n2\n",
}
HYBRID = {
    "memory/a/memory.usage_in_bytes": "1500000\n",
    "memory/a/memory.limit_in_bytes": "9223372036854771712\n",
    "cpu/a/cpu.stat": "nr_periods 0\n",
    "unified/a/cpu.stat": "usage_usec 2500000\n",
    "pids/a/pids.current": "7\n",
    "unified/a/cgroup.procs": "1\n2\n3\n",
}


def test_cgroup2() -> None:
    groups = read(archive(UNIFIED))
    assert list(groups) == ["", "a", "a/b"]
    assert row(groups["a"], PRESETS["memory"]) == {"current": "1.5 MB", "peak": "", "low": "", "high": "", "max": "max"}
    shown = row(groups["a"], PRESETS["cpu"])
    assert (shown["usage"], shown["user"], shown["system"], shown["weight"]) == ("2.50s", "1.00s", "1.50s", "")
    assert row(groups["a/b"], PRESETS["io"]) == {"read": "1.5 kB", "written": "2 B", "reads": "4", "writes": "4"}
    pressure = row(groups["a/b"], PRESETS["psi"])
    assert (pressure["memory some"], pressure["memory full"], pressure["cpu some"]) == ("1.50", "0.25", "")
    assert row(groups[""], PRESETS["process"])["processes"] == "0"


def test_cgroup1_with_the_unified_hierarchy_beside_it() -> None:
    groups = read(archive(HYBRID))
    assert list(groups) == ["a"]
    memory = row(groups["a"], PRESETS["memory"])
    assert (memory["current"], memory["max"]) == ("1.5 MB", "max")
    assert row(groups["a"], PRESETS["cpu"])["usage"] == "2.50s"
    assert row(groups["a"], PRESETS["process"]) == {"processes": "3", "threads": "", "tasks": "7", "max": ""}


def test_what_is_no_archive_is_an_error() -> None:
    with pytest.raises(Invalid):
        read(io.BytesIO(b"nothing"))
    with pytest.raises(Invalid):
        read(io.BytesIO(archive(UNIFIED).getvalue()[:-200]))
