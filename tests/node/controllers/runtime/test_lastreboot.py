"""Why the last boot ended reaches the person who asks, once."""

from pathlib import Path

from core.node.controllers.runtime import LastReboot
from core.node.resources.block import MountStatus
from core.node.resources.block.mounts import MountParameters
from core.node.resources.runtime import Diagnostic
from tests.node.controllers.house import House
from tests.support.clock import FakeClock, on_loop, settle

MOUNTED = MountStatus(spec=MountParameters(volume_id="STATE"), source="", target="/system/state")


@on_loop
async def test_told_when_state_is_there_and_only_once(tmp_path: Path) -> None:
    (tmp_path / "system/state").mkdir(parents=True)
    (tmp_path / "system/state/last-reboot").write_text("spawner: fifth death in 60 s\n")
    house = House(FakeClock(), [LastReboot(tmp_path)])
    async with house.running():
        await settle()
        assert house.one(Diagnostic, "last-reboot") is None
        house.put("STATE", MOUNTED)
        await settle()
        told = house.one(Diagnostic, "last-reboot")
        assert told is not None
        assert told.details == ("spawner: fifth death in 60 s",)
    again = House(FakeClock(), [LastReboot(tmp_path)])
    async with again.running():
        again.put("STATE", MOUNTED)
        await settle()
        assert again.one(Diagnostic, "last-reboot") is None
