"""A step of an exchange, taken by one node after the other: it begins when every node was asked what its config holds,
and goes on to the next when this one says, or shows, that it acts on its own. Whose authority it is is the caller's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.base.errors import NotReady
from core.cli.rotation.authorities import Held, Part, written
from core.cli.rotation.members import Members
from core.rpc.status import RpcError

PATIENCE: Final = {Part.API: 120.0, Part.KUBERNETES: 300.0}
"""Seconds for a node that was told to say that it did; kube-apiserver looks at its files once a minute."""


@dataclass(frozen=True, slots=True)
class Step:
    """`next` is what a node is to hold; `lacks` is what it still says otherwise, empty when nothing."""

    title: str
    next: Callable[[Held], Held]
    lacks: Callable[[Held], Awaitable[str]]


class Walk:
    """`say` is told each thing done."""

    def __init__(self, members: Members, part: Part, clock: Clock, say: Callable[[str], None]) -> None:
        self._members, self._part, self._clock, self._say = members, part, clock, say

    async def look(self) -> list[Held]:
        """What every node holds, control planes first. Raises NotReady naming one that does not say."""
        found = []
        for name in self._members.nodes.names:
            try:
                found.append(Held.of(name, await self._members.config(name), self._part))
            except RpcError as error:
                raise NotReady(
                    f"{name} does not tell its config: {error}", remedy="nothing goes on until every node does"
                ) from None
        return sorted(found, key=lambda held: not held.leads)

    async def take(self, step: Step) -> None:
        """Every node takes the step. Raises NotReady naming one that does not."""
        held = await self.look()  # a node that is away is named before any is changed
        for one in held:
            await self.one(step, one)

    async def one(self, step: Step, held: Held) -> None:
        """One node does."""
        wanted = step.next(held)
        if wanted != held:
            config = await self._members.config(held.node)
            await self._members.apply(held.node, written(config, wanted, self._part))
            self._say(f"{held.node}: {step.title}")
        await self.until(held.node, lambda: step.lacks(held))

    async def until(self, node: str, look: Callable[[], Awaitable[str]]) -> None:
        """Until nothing is lacking. Raises NotReady in the end, naming node and lack."""
        end, backoff = self._clock.monotonic() + PATIENCE[self._part], Backoff(first=0.02, cap=1.0)
        while True:
            try:
                lacks = await look()
            except (RpcError, NotReady) as error:
                lacks = str(error)
            if not lacks:
                return
            if self._clock.monotonic() > end:
                raise NotReady(f"{node}: {lacks}", remedy="see to it, then run this again: it goes on from here")
            await self._clock.sleep(backoff.failed())
