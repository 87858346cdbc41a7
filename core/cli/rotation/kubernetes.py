"""The exchange of Kubernetes' authority: every program believes the new one; every program shows certificates of the
new one, while the old one is believed; the old one is believed by nobody. Nodes take a step one after the other, and
the next begins when the one before says by which authorities each of its programs was seen to go, and has its pods
back: so nobody is ever asked for what he does not have. What the new authority issues is vouched for by the old one as
well, so pods that read whom they believe when they started go on. Broken off, it is begun again as the API's is."""

from collections.abc import Callable
from functools import partial
from typing import Final

from core.base.clock import Clock
from core.cli.rotation.authorities import Held, Part, accepting, identity, judge, successor, without
from core.cli.rotation.cluster import Cluster
from core.cli.rotation.members import Members, Trust
from core.cli.rotation.steps import switch
from core.cli.rotation.walk import Step, Walk
from core.config.load import Config
from core.pki import issue, pem
from core.pki.types import Pair

Say = Callable[[str], None]
Lacks = Callable[[Trust], bool]
_NONE: Final = frozenset[str]()


class KubernetesRotation:
    """`keep` is handed kubeconfigs that are good for what is left, for whoever keeps one; `say` is told each thing
    done."""

    def __init__(
        self, members: Members, cluster: Cluster, clock: Clock, say: Say, keep: Callable[[bytes], None]
    ) -> None:
        self._members, self._cluster, self._clock, self._say, self._keep = members, cluster, clock, say, keep
        self._walk = Walk(members, Part.KUBERNETES, clock, say)

    async def look(self) -> list[Held]:
        """What every node holds, control planes first. Raises NotReady naming one that does not say."""
        return await self._walk.look()

    async def run(self) -> None:
        """From wherever it is to the end."""
        await self._members.present()
        held = await self.look()
        standing = judge(held)
        new = standing.new or self._make(next(one.own for one in held if one.leads))
        fresh, gone = identity(new.crt), standing.gone
        await self._take(
            "Kubernetes believes the new authority",
            lambda one: accepting(one, new.crt),
            lambda t: fresh in t.authorities,
        )
        await self._told(held[0].node, frozenset({fresh}), _NONE)
        await self._take(
            "Kubernetes takes its certificates from the new authority",
            lambda one: switch(one, new, standing.old),
            lambda t: t.issuer == fresh,
        )
        self._keep(await self._cluster.kubeconfig())
        await self._take(
            "Kubernetes believes the old authority no more",
            lambda one: without(one, gone),
            lambda t: t.issuer == fresh and fresh in t.authorities and not t.authorities & gone,
        )
        await self._told(held[0].node, frozenset({fresh}), gone)
        self._keep(await self._cluster.kubeconfig())
        self._say("kubeconfigs of before are let in no more: fetch others by `ichorctl kubeconfig`")

    async def _take(self, title: str, following: Callable[[Held], Held], done: Lacks) -> None:
        for one in await self._walk.look():  # a node that is away is named before any is changed
            serving = await self._cluster.serving(one.node)

            async def lacks(held: Held, before: frozenset[str] = serving) -> str:
                return await self._programs(held, done) or await self._cluster.lacks(held.node, before)

            await self._walk.one(Step(title, following, lacks), one)

    async def _programs(self, held: Held, done: Lacks) -> str:
        """Which program does not go by it yet."""
        said = await self._members.trusts(held.node)
        wanted = programs(await self._members.config(held.node))
        waits = [program for program in wanted if program not in said or not done(said[program])]
        return f"{', '.join(waits)} does not act on it yet" if waits else ""

    async def _told(self, node: str, wanted: frozenset[str], gone: frozenset[str]) -> None:
        await self._walk.until(node, partial(self._cluster.told, wanted, gone))

    def _make(self, old: Pair) -> Pair:
        """A new authority, and behind it what the old one says of it."""
        now = self._clock.now()
        made = issue.authority(successor(old.crt, issue.algorithm(old.crt), now))
        return Pair(made.crt + issue.vouched(made.crt, Pair(pem.first(old.crt)[0], old.key), now), made.key)


def programs(config: Config) -> tuple[str, ...]:
    """Which of Kubernetes' programs a node runs that have to do with its authority."""
    if not config.is_control_plane:
        return ("kubelet",)
    off = config.v1alpha1.machine.control_plane
    switched = {"kube-controller-manager": off.controller_manager.disabled, "kube-scheduler": off.scheduler.disabled}
    return ("kube-apiserver", *(name for name, disabled in switched.items() if not disabled), "kubelet")
