"""The exchange of the API's own authority, step by step: every node believes the new authority, the client config is
made by it, every node has its own certificates from it, the old one is believed by nobody. Broken off anywhere, it is
begun again and finds by the nodes' configs what is left to do."""

from collections.abc import Callable
from typing import Final

import msgspec

from core.base.clock import Clock
from core.cli.rotation.access import Output, kept, tls
from core.cli.rotation.authorities import Held, Part, Standing, accepting, identity, judge, successor, switched, without
from core.cli.rotation.members import Members
from core.cli.rotation.walk import Step, Walk
from core.config import client
from core.pki import issue
from core.pki.types import Pair
from core.rpc.pb.resource.definitions.secrets.secrets_pb2 import APICertsSpec
from core.rpc.tls import ClientTLS

_SECRETS: Final = "ichorctl gen secrets --from-controlplane-config"
Says = Callable[[Held, APICertsSpec], str]


class Rotation:
    """`say` is told each thing done."""

    def __init__(self, members: Members, output: Output, clock: Clock, say: Callable[[str], None]) -> None:
        self._members, self._output, self._clock, self._say = members, output, clock, say
        self._walk = Walk(members, Part.API, clock, say)

    async def look(self) -> list[Held]:
        """What every node holds, control planes first. Raises NotReady naming one that does not say."""
        return await self._walk.look()

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
        both, alone = tls(context), ClientTLS(new.crt, context.crt, context.key)
        accept, switch, drop = self._steps(standing, new, both, alone)
        await self._walk.take(accept)
        await self._answered(both)
        self._output.save(context)
        self._say(f"{self._output.path}: a certificate of the new authority, and every node lets it in")
        self._members.become(both)
        await self._walk.take(switch)
        await self._walk.take(drop)
        await self._answered(alone)
        self._conclude(context, new.crt)
        self._say(f"a secrets file of this cluster holds the old authority: make another by `{_SECRETS}`")

    async def _answered(self, shown: ClientTLS) -> None:
        """Every node answers who calls as that. Raises RpcError."""
        for name in self._members.nodes.names:
            await self._members.answers(name, shown)

    def _make(self, old: bytes) -> Pair:
        return issue.authority(successor(old, issue.algorithm(old), self._clock.now()))

    def _conclude(self, context: client.Context, authority: bytes) -> None:
        self._output.save(msgspec.structs.replace(context, ca=b"".join(kept(context.ca, authority))))
        self._say(f"{self._output.path}: believes the authority in use alone")

    def _steps(self, standing: Standing, new: Pair, both: ClientTLS, alone: ClientTLS) -> tuple[Step, Step, Step]:
        """Accept, switch, drop. Whoever calls as `both`, or as `alone`, is let in by what a step brings about."""
        old, fresh = standing.old, identity(new.crt)

        def accepts(_: Held, said: APICertsSpec) -> str:
            return "" if fresh in _accepted(said) else "it does not accept the new authority"

        def serves(held: Held, said: APICertsSpec) -> str:
            shown = (said.server.crt, said.client.crt) if held.leads else (said.server.crt,)
            own = all(crt and issue.issued_by(crt, new.crt) for crt in shown)
            return "" if own else "its certificates are not the new authority's"

        def forgot(_: Held, said: APICertsSpec) -> str:
            return "it accepts the old authority" if _accepted(said) & standing.gone else ""

        def step(title: str, following: Callable[[Held], Held], says: Says, shown: ClientTLS) -> Step:
            async def lacks(held: Held) -> str:
                if said := says(held, await self._members.certificates(held.node)):
                    return said
                return "" if await self._members.admits(held.node, shown) else "its door does not act on it"

            return Step(title, following, lacks)

        return (
            step("accepts the new authority", lambda held: accepting(held, new.crt), accepts, both),
            step("takes its certificates from the new authority", lambda one: switch(one, new, old), serves, alone),
            step("accepts the old authority no more", lambda held: without(held, standing.gone), forgot, alone),
        )


def switch(held: Held, new: Pair, old: bytes) -> Held:
    """A node that has switched stays as it is: it may have dropped the old one."""
    return held if held.own.crt and identity(held.own.crt) == identity(new.crt) else switched(held, new, old)


def _accepted(said: APICertsSpec) -> set[str]:
    return {identity(authority.crt) for authority in said.accepted_c_as}
