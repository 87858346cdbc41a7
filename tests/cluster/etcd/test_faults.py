"""Three members with writes going on, and what goes wrong with machines and wires: nothing that was acknowledged is
lost, and what clients saw is what one register would have shown them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from core.cluster.etcd import flags, join
from tests.support.control import CLOCK, Control, among, run, serving
from tests.support.etcd import Etcds, Running
from tests.support.load import Load
from tests.support.netns import Namespace, namespace, on_loop_in

FROZEN = 30.0
CUT = 12.0  # longer than etcd waits for anything
SECONDS = 120
NAMES = ("one", "two", "three")


class Wires:
    """A bridge in a namespace of its own, and a member in one of its own at each port."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.hub = stack.enter_context(namespace())
        self.hub.batch("link add hub type bridge", "link set hub up", "address add 10.9.0.254/24 dev hub")
        self.etcds = Etcds(folder, patient=False)
        stack.callback(self.etcds.end)
        self.members = [self._plug(stack.enter_context(namespace()), number) for number in range(1, 4)]

    def _plug(self, space: Namespace, number: int) -> Running:
        self.hub.ip("link", "add", f"p{number}", "type", "veth", "peer", "name", "eth0", "netns", str(space.pid))
        self.hub.batch(f"link set p{number} master hub", f"link set p{number} up")
        space.batch(f"address add 10.9.0.{number}/24 dev eth0", "link set eth0 up")
        return self.etcds.add(NAMES[number - 1], f"10.9.0.{number}", space)

    def cut(self, member: Running, heal: bool = False) -> None:
        """Take its wire away, or give it back."""
        self.hub.ip("link", "set", f"p{NAMES.index(member.name) + 1}", "up" if heal else "down")


@pytest.fixture
def wires(tmp_path: Path) -> Iterator[Wires]:
    with ExitStack() as stack:
        yield Wires(tmp_path, stack)


Fault = Callable[[Wires, Running, Load], Awaitable[None]]


async def killed(wires: Wires, member: Running, load: Load) -> None:
    member.kill()
    await load.progress()
    member.start()


async def frozen(wires: Wires, member: Running, load: Load) -> None:
    os.close(member.send(signal.SIGSTOP))
    await load.progress()
    await asyncio.sleep(FROZEN)
    os.close(member.send(signal.SIGCONT))


async def cut(wires: Wires, member: Running, load: Load) -> None:
    wires.cut(member)
    await load.progress()
    await asyncio.sleep(CUT)
    wires.cut(member, heal=True)


@pytest.mark.slow
@pytest.mark.parametrize("leads", [True, False], ids=["leader", "follower"])
@pytest.mark.parametrize("fault", [killed, frozen, cut])
def test_nothing_acknowledged_is_lost_and_all_settles(wires: Wires, fault: Fault, leads: bool) -> None:
    async def suffer() -> None:
        async with cluster(wires) as made:
            load = Load([f"{each.address}:{flags.CLIENT_PORT}" for each in wires.members], wires.etcds.tls)
            running = asyncio.ensure_future(load.run())
            await load.progress()
            await fault(wires, await chosen(made, leads), load)
            for control in made:
                await serving(control)
            await load.progress()
            load.stopped = True
            await running
            await load.check()
            assert load.acknowledged

    on_loop_in(wires.hub, suffer, SECONDS)


@asynccontextmanager
async def cluster(wires: Wires) -> AsyncIterator[list[Control]]:
    """Of them all. There are no rooms to wait in, as this process has none of the members' addresses."""
    made = among(wires.etcds, wires.members)
    async with AsyncExitStack() as stack:
        for control in made:
            await stack.enter_async_context(control)
            member = control.member
            if control is made[0]:
                member.start([f"{member.name}={member.peer_urls[0]}"], new=True)
            else:
                member.start((await join.enter(control.local, control.reach, run, CLOCK)).members)
            await join.settle(control.local, control.own, control.reach, CLOCK)
        yield made


async def chosen(made: Sequence[Control], leads: bool) -> Running:
    """A member that leads, or one that does not."""
    statuses = [(each.member, await each.own.status()) for each in made]
    return next(each for each, said in statuses if (said.leader == said.header.member_id) is leads)
