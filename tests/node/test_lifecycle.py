"""The sequence runner: order, events, takeover, failures, and going on after machined died in the middle."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from core.base.clock import SystemClock
from core.base.errors import Conflict, NotReady
from core.node.lifecycle.runner import Runner, Running
from core.node.lifecycle.sequence import Order, Phase, Sequence, Task
from core.node.survivor import Survivor
from tests.support.fdtable import FdTable


class Recorder:
    """An event bus that remembers, and the machine that tasks act on."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []
        self.did: list[str] = []
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()

    def publish(self, event: Any, actor_id: str = "") -> None:
        kind = event.DESCRIPTOR.name.removesuffix("Event").lower()
        action = event.Action.Name(event.action).lower()
        self.said.append((kind, getattr(event, kind), action))


@pytest.fixture
def table() -> Iterator[FdTable]:
    table = FdTable()
    yield table
    table.close()


def _do(name: str, *, fail: bool = False, gated: bool = False) -> Task:
    async def run(machine: Recorder) -> None:
        if gated:
            machine.entered.set()
            await machine.gate.wait()
        machine.did.append(name)
        if fail:
            raise NotReady("the disk is away")

    return Task(name, run)


def _group(name: str) -> Task:
    """Does several things at once, two of which fail."""

    async def run(machine: Recorder) -> None:
        raise ExceptionGroup("stopping", [OSError("busy"), ExceptionGroup("more", [NotReady("slow")])])

    return Task(name, run)


def _runner(table: FdTable, *sequences: Sequence) -> tuple[Runner, Recorder]:
    recorder = Recorder()
    record = Survivor(table, "sequence", Running)
    return Runner({s.name: s for s in sequences}, recorder, record, SystemClock(), recorder), recorder


def test_phases_in_order_with_their_events(table: FdTable) -> None:
    async def main() -> None:
        boot = Sequence("boot", (Phase("one", (_do("a"), _do("b"))), Phase("two", (_do("c"),))))
        runner, recorder = _runner(table, boot)
        actor = runner.start("boot").actor
        assert await runner.wait() == ""
        assert recorder.did == ["a", "b", "c"]
        assert len(actor) == 36
        assert recorder.said[0] == ("sequence", "boot", "start")
        assert recorder.said[-1] == ("sequence", "boot", "stop")
        assert [s for s in recorder.said if s[0] == "phase"] == [
            ("phase", "one", "start"),
            ("phase", "one", "stop"),
            ("phase", "two", "start"),
            ("phase", "two", "stop"),
        ]
        runner.record.close()

    asyncio.run(main())


def test_a_failure_stops_a_boot_but_not_a_reboot(table: FdTable) -> None:
    async def main() -> None:
        phases = (Phase("one", (_do("a", fail=True),)), Phase("two", (_do("b"),)))
        runner, recorder = _runner(table, Sequence("boot", phases), Sequence("reboot", phases, final=True))
        runner.start("boot")
        assert await runner.wait() == "a: the disk is away"
        assert recorder.did == ["a"]
        runner.start("reboot")
        assert await runner.wait() == "a: the disk is away"
        assert recorder.did == ["a", "a", "b"]
        runner.record.close()

    asyncio.run(main())


def test_who_may_take_over(table: FdTable) -> None:
    async def main() -> None:
        boot = Sequence("boot", (Phase("one", (_do("never", gated=True),)),))
        reboot = Sequence("reboot", (Phase("one", (_do("down"),)),), final=True)
        runner, recorder = _runner(table, boot, reboot)
        runner.start("boot")
        with pytest.raises(Conflict, match="boot is running"):
            runner.start("boot")
        assert recorder.said[-1] == ("sequence", "boot", "noop")
        runner.start("reboot")
        assert await runner.wait() == ""
        assert recorder.did == ["down"]
        runner.record.close()

    asyncio.run(main())


def test_a_final_sequence_goes_on_in_the_next_machined(table: FdTable) -> None:
    async def main() -> None:
        phases = (Phase("one", (_do("a"),)), Phase("two", (_do("b", gated=True),)), Phase("three", (_do("c"),)))
        reboot = Sequence("reboot", phases, final=True)
        first, recorder = _runner(table, reboot)
        actor = first.start("reboot").actor
        await recorder.entered.wait()
        first.record.close()
        second, after = _runner(table, reboot)
        left = second.interrupted()
        assert left == Running("reboot", actor, 1)
        after.gate.set()
        second.start(left.sequence, left.actor, phase=left.phase)
        assert await second.wait() == ""
        assert after.did == ["b", "c"]
        recorder.gate.set()
        second.record.close()

    asyncio.run(main())


def test_services_that_will_not_stop_do_not_keep_the_machine_from_its_end(table: FdTable) -> None:
    async def main() -> None:
        phases = (Phase("one", (_group("stop"),)), Phase("two", (_do("reboot"),)))
        runner, recorder = _runner(table, Sequence("reboot", phases, final=True))
        runner.start("reboot")
        assert await runner.wait() == "stop: busy; stop: slow"
        assert recorder.did == ["reboot"]
        runner.record.close()

    asyncio.run(main())


def test_who_asked_for_the_end_is_not_told_that_the_machine_runs(table: FdTable) -> None:
    async def main() -> None:
        phases = (Phase("one", (_do("reboot"),)),)
        shutdown = Sequence("shutdown", (Phase("one", (_do("off"),)),), final=True)
        runner, recorder = _runner(table, Sequence("reboot", phases, final=True), shutdown)
        actor = runner.start("reboot").actor
        assert await runner.wait() == ""
        assert runner.current is not None
        assert runner.current.actor == actor  # init has the word; its SIGTERM comes next
        with pytest.raises(Conflict, match="reboot is running"):
            runner.start("shutdown")
        assert recorder.did == ["reboot"]
        runner.record.close()

    asyncio.run(main())


def test_a_reset_goes_through_the_phases_that_were_asked_for_in_the_next_machined_too(table: FdTable) -> None:
    async def main() -> None:
        phases = (
            Phase("drain", (_do("drain"),), when=lambda order: order.graceful),
            Phase("wipe", (_do("wipe", gated=True),)),
            Phase("reboot", (_do("reboot"),), when=lambda order: order.reboot),
            Phase("shutdown", (_do("shutdown"),), when=lambda order: not order.reboot),
        )
        reset = Sequence("reset", phases, final=True)
        first, recorder = _runner(table, reset)
        asked = Order(reboot=True, volumes=("STATE",), disks=("/dev/vdc",))
        first.start("reset", order=asked)
        await recorder.entered.wait()
        assert recorder.did == []
        first.record.close()
        second, after = _runner(table, reset)
        left = second.interrupted()
        assert left is not None
        assert (left.phase, left.order) == (1, asked)
        assert second.behind("drain")
        assert not second.behind("wipe")
        after.gate.set()
        second.start(left.sequence, left.actor, phase=left.phase, order=left.order)
        assert await second.wait() == ""
        assert after.did == ["wipe", "reboot"]
        recorder.gate.set()
        second.record.close()

    asyncio.run(main())


def test_what_fails_at_a_gate_leaves_the_machine_as_it_was(table: FdTable) -> None:
    async def main() -> None:
        phases = (
            Phase("drain", (_do("drain", fail=True),)),
            Phase("leave", (_do("leave", fail=True),), gate=True),
            Phase("wipe", (_do("wipe"),)),
        )
        boot = Sequence("boot", (Phase("one", (_do("up"),)),))
        runner, recorder = _runner(table, boot, Sequence("reset", phases, final=True))
        runner.start("boot")
        await runner.wait()
        runner.start("reset")
        assert await runner.wait() == "drain: the disk is away; leave: the disk is away"
        assert recorder.did == ["up", "drain", "leave"]
        assert (runner.current, runner.ended) == (None, "boot")  # it runs, and may be asked again
        assert runner.interrupted() is None  # nor does the next machined go on
        runner.record.close()

    asyncio.run(main())


@pytest.mark.parametrize(("gate", "comes_up"), [(True, True), (False, False)])
def test_a_gate_in_the_next_machined_lets_the_machine_come_up(table: FdTable, gate: bool, comes_up: bool) -> None:
    async def main() -> None:
        phases = (Phase("leave", (_do("leave", fail=True, gated=True),), gate=gate), Phase("wipe", (_do("wipe"),)))
        reset = Sequence("reset", phases, final=True)
        first, _ = _runner(table, reset)
        assert await first.finish()
        first.start("reset")
        first.record.close()
        second, recorder = _runner(table, reset)
        recorder.gate.set()
        assert await second.finish() is comes_up
        assert recorder.did == (["leave"] if gate else ["leave", "wipe"])
        second.record.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("asked", "forgets"),
    [
        (Order(volumes=("META",), disk="/dev/vda"), False),
        (Order(volumes=("META", "EPHEMERAL"), disk="/dev/vda"), True),
        (Order(volumes=("STATE",)), True),
        (Order(disk="/dev/vda", disks=("/dev/vdb",)), False),
        (Order(disk="/dev/vda", disks=("/dev/vdb", "/dev/vda")), True),
        (Order(), False),
    ],
)
def test_who_loses_its_identity_or_its_data_leaves_its_cluster(asked: Order, forgets: bool) -> None:
    assert asked.forgets is forgets
