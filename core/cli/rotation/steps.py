"""The exchange itself, step by step: every node believes the new authority, the client config is made by it, every node
has its own certificates from it, the old one is believed by nobody. A step begins when every node was asked where it
stands, and ends when each says, and where it can be dialled shows, that it took it. Broken off anywhere, it is begun
again and finds by the nodes' configs what is left to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.base.errors import NotReady
from core.cli.rotation.access import Output, kept, tls
from core.cli.rotation.authorities import (
    Held,
    Standing,
    accepting,
    identity,
    judge,
    successor,
    switched,
    without,
    written,
)
from core.cli.rotation.members import Members
from core.config import client
from core.pki import issue
from core.pki.types import Pair
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import APICertsSpec
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS

PATIENCE: Final = 120.0  # for a node that was told to say that it did

_SECRETS: Final = "ichorctl gen secrets --from-controlplane-config"


@dataclass(frozen=True, slots=True)
class Step:
    """`next` is what a node is to hold; `lacks` is what it still says otherwise, empty when nothing; `shown` is who is
    let in by it then."""

    title: str
    next: Callable[[Held], Held]
    lacks: Callable[[Held, APICertsSpec], str]
    shown: ClientTLS


class Rotation:
    """`say` is told each thing done."""

    def __init__(self, members: Members, output: Output, clock: Clock, say: Callable[[str], None]) -> None:
        self._members, self._output, self._clock, self._say = members, output, clock, say

    async def look(self) -> list[Held]:
        """What every node holds, control planes first. Raises NotReady naming one that does not say."""
        found = []
        for name in self._members.nodes.names:
            try:
                found.append(Held.of(name, await self._members.config(name)))
            except RpcError as error:
                raise NotReady(
                    f"{name} does not tell its config: {error}", remedy="nothing goes on until every node does"
                ) from None
        return sorted(found, key=lambda held: not held.leads)

    async def run(self) -> None:
        """From wherever it is to the end."""
        await self._members.present()
        standing = judge(await self.look())
        if standing.new is None and self._output.outlived(standing.old):
            self._conclude(self._output.context, standing.old)
            self._say("an exchange had ended but for the client config; run this again to begin another")
            return
        new = standing.new or self._make(standing.old)
        context = self._output.renewed(new, standing.old, self._clock.now())
        both = tls(context)
        accept, switch, drop = steps(standing, new, context)
        await self._take(accept)
        await self._answered(both)
        self._output.save(context)
        self._say(f"{self._output.path}: a certificate of the new authority, and every node lets it in")
        self._members.become(both)
        await self._take(switch)
        await self._take(drop)
        await self._answered(drop.shown)
        self._conclude(context, new.crt)
        self._say(f"a secrets file of this cluster holds the old authority: make another by `{_SECRETS}`")

    async def _answered(self, shown: ClientTLS) -> None:
        """Every node answers who calls as that. Raises RpcError."""
        for name in self._members.nodes.names:
            await self._members.answers(name, shown)

    async def _take(self, step: Step) -> None:
        held = await self.look()  # a node that is away is named before any is changed
        for one in held:
            wanted = step.next(one)
            if wanted != one:
                await self._members.apply(one.node, written(await self._members.config(one.node), wanted))
                self._say(f"{one.node}: {step.title}")
            await self._until(one.node, partial(self._lacks, step, one))

    async def _lacks(self, step: Step, held: Held) -> str:
        if lacks := step.lacks(held, await self._members.certificates(held.node)):
            return lacks
        return "" if await self._members.admits(held.node, step.shown) else "its door does not act on it"

    async def _until(self, node: str, look: Callable[[], Awaitable[str]]) -> None:
        """Until nothing is lacking. Raises NotReady after PATIENCE seconds, naming node and lack."""
        end, backoff = self._clock.monotonic() + PATIENCE, Backoff(first=0.02, cap=1.0)
        while True:
            try:
                lacks = await look()
            except RpcError as error:
                lacks = str(error)
            if not lacks:
                return
            if self._clock.monotonic() > end:
                raise NotReady(f"{node}: {lacks}", remedy="see to it, then run this again: it goes on from here")
            await self._clock.sleep(backoff.failed())

    def _make(self, old: bytes) -> Pair:
        return issue.authority(successor(old, issue.algorithm(old), self._clock.now()))

    def _conclude(self, context: client.Context, authority: bytes) -> None:
        self._output.save(msgspec.structs.replace(context, ca=b"".join(kept(context.ca, authority))))
        self._say(f"{self._output.path}: believes the authority in use alone")


def steps(standing: Standing, new: Pair, context: client.Context) -> tuple[Step, Step, Step]:
    """Accept, switch, drop."""
    old, fresh = standing.old, identity(new.crt)

    def accepts(_: Held, said: APICertsSpec) -> str:
        return "" if fresh in _accepted(said) else "it does not accept the new authority"

    def serves(held: Held, said: APICertsSpec) -> str:
        shown = (said.server.crt, said.client.crt) if held.leads else (said.server.crt,)
        own = all(crt and issue.issued_by(crt, new.crt) for crt in shown)
        return "" if own else "its certificates are not the new authority's"

    def forgot(_: Held, said: APICertsSpec) -> str:
        return "it accepts the old authority" if _accepted(said) & standing.gone else ""

    both, alone = tls(context), ClientTLS(new.crt, context.crt, context.key)
    return (
        Step("accepts the new authority", lambda held: accepting(held, new.crt), accepts, both),
        Step("takes its certificates from the new authority", lambda held: _switch(held, new, old), serves, alone),
        Step("accepts the old authority no more", lambda held: without(held, standing.gone), forgot, alone),
    )


def _switch(held: Held, new: Pair, old: bytes) -> Held:
    """A node that has switched stays as it is: it may have dropped the old one."""
    return held if held.own.crt and identity(held.own.crt) == identity(new.crt) else switched(held, new, old)


def _accepted(said: APICertsSpec) -> set[str]:
    return {identity(authority.crt) for authority in said.accepted_c_as}
