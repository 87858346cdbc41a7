"""A control plane as far as etcd is concerned: the room it waits in, the way in, etcd itself, in the order in which a
node runs them. It can be cut off at any moment, as by a power loss, and made anew from what is on disk."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from core.base.clock import SystemClock
from core.base.errors import Invalid
from core.cluster.etcd import bootstrap, claims, flags, join, leave, waiting
from core.cluster.etcd.journal import Journal
from core.cluster.etcd.local import Local
from core.cluster.etcd.membership import Me
from core.cluster.etcd.reach import Reach
from core.rpc.status import RpcError
from core.rpc.tls import ServerTLS
from tests.support.etcd import Etcds, Running, program

CLOCK = SystemClock()


class Control:
    """One control plane of `etcds`; `hosts` are the others' addresses."""

    def __init__(self, etcds: Etcds, member: Running, hosts: Sequence[str] = ()) -> None:
        self.member = member
        journal = Journal(member.folder / "journal")
        data = member.folder / "data"
        data.mkdir(exist_ok=True)
        self.local = Local(Me(member.name, member.peer_urls), journal, data)
        self.reach = Reach(etcds.tls, hosts)
        self.own = self.reach.at(f"{member.address}:{flags.CLIENT_PORT}")
        made = [(member.folder / each).read_bytes() for each in ("crt", "key", "ca")]
        self._tls = ServerTLS(*made)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.reach.__aexit__(*error)

    async def wait(self) -> join.Way:
        """In the room, until it is known how to start."""
        async with waiting.serving(self.local, self._tls, [self.member.address]):
            return await join.enter(self.local, self.reach, run, CLOCK)

    async def run(self) -> None:
        """Until it is a member that votes; etcd may run already, when only its keeper was killed."""
        if not self.member.alive:
            way = await self.wait()
            self.member.start(way.members, new=way.new, token=way.token)
        await join.settle(self.local, self.own, self.reach, CLOCK)

    async def leave(self, *, last: bool = False) -> None:
        """Until nothing is left."""
        await leave.leave(self.local, self.own, self.reach, self.stop, CLOCK, last=last)

    async def stop(self) -> None:
        """End etcd, if it runs."""
        await asyncio.to_thread(self.member.kill)


def controls(etcds: Etcds, names: Sequence[str]) -> list[Control]:
    """New control planes that know of each other."""
    return among(etcds, [etcds.add(name) for name in names])


def among(etcds: Etcds, members: Sequence[Running]) -> list[Control]:
    """Control planes of these, which know of each other."""
    return [Control(etcds, each, [other.address for other in members if other is not each]) for each in members]


@asynccontextmanager
async def formed(made: Sequence[Control]) -> AsyncIterator[Sequence[Control]]:
    """A cluster of them all, begun by the first."""
    async with AsyncExitStack() as stack:
        for each in made:
            await stack.enter_async_context(each)
        async with asyncio.TaskGroup() as running:
            for each in made:
                running.create_task(each.run())
            await gathered(made[0], len(made) - 1)
            await bootstrap.bootstrap(made[0].local, made[0].reach, CLOCK)
        yield made


async def gathered(control: Control, others: int) -> None:
    """Until so many others wait in their rooms."""
    while True:
        if len((await claims.survey(control.reach, claims.look)).open) == others:
            return
        await CLOCK.sleep(0.01)


async def serving(control: Control) -> None:
    """Until its etcd serves."""
    while True:
        try:
            return await control.own.serves()
        except RpcError:
            await CLOCK.sleep(0.02)


async def run(argv: Sequence[str]) -> bytes:
    """A program of etcd's."""
    command = [str(program(argv[0])), *argv[1:]]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    if done.returncode:
        raise Invalid(f"{argv[0]} failed: {done.stderr.decode(errors='replace')}")
    return done.stdout
