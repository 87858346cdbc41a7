"""Files below /run/etc: written, replaced, removed, and nowhere else."""

from pathlib import Path

from core.node.controllers.files import etc_files
from core.node.resources.files import EtcFileSpec, EtcFileStatus
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle


@on_loop
async def test_a_file_comes_changes_and_goes_with_its_spec(tmp_path: Path) -> None:
    house = House(FakeClock(), [etc_files(tmp_path / "etc")])
    async with house.running():
        house.put("cri/conf.d/a.toml", EtcFileSpec(contents=b"one", mode=0o600))
        await settle()
        path = tmp_path / "etc/cri/conf.d/a.toml"
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o600)
        first = house.one(EtcFileStatus, "cri/conf.d/a.toml")
        house.put("cri/conf.d/a.toml", EtcFileSpec(contents=b"two"))
        await settle()
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", 0o644)
        assert house.one(EtcFileStatus, "cri/conf.d/a.toml") != first
        house.store.teardown(EtcFileSpec.at("cri/conf.d/a.toml"))
        await settle()
        assert not path.exists()
        assert house.one(EtcFileStatus, "cri/conf.d/a.toml") is None


@on_loop
async def test_a_path_that_leads_out_is_refused_and_others_are_written(tmp_path: Path) -> None:
    house = House(FakeClock(), [etc_files(tmp_path / "etc")])
    async with house.running():
        house.put("../outside", EtcFileSpec(contents=b"no"))
        house.put("inside", EtcFileSpec(contents=b"yes"))
        await settle()
        assert (tmp_path / "etc/inside").read_bytes() == b"yes"
        assert not (tmp_path / "outside").exists()
        assert house.one(EtcFileStatus, "../outside") is None
