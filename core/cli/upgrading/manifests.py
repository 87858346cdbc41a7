"""A cluster is given what its control planes' manifests say, by us as by them: one at a time, by server-side apply,
and what none of them names any more goes. What runs pods among them is waited for, unless it had not run before."""

import os
import platform
from collections.abc import Callable
from typing import Final

from core.base.clock import Clock
from core.base.errors import Conflict, IchorError, NotFound, NotReady
from core.cli.upgrading.cluster import Cluster
from core.cli.upgrading.plan import Member
from core.cluster.kubernetes import inventory, rollout
from core.cluster.kubernetes.applying import LEASE, Applying
from core.cluster.kubernetes.discovery import Kinds
from core.cluster.kubernetes.inventory import Entry
from core.cluster.kubernetes.lease import Lease
from core.cluster.kubernetes.paths import Object
from core.rpc.pb.resource.definitions.k8s.k8s_pb2 import ExtraManifestsConfigSpec

_EXTRA: Final = ("controlplane", "ExtraManifestsConfigs.kubernetes.talos.dev")
_APPS: Final = "apps/v1"


class Manifests:
    """Those that `member` has; `force` takes over fields that others have."""

    def __init__(self, cluster: Cluster, member: Member, clock: Clock, *, force: bool) -> None:
        self._cluster, self._member, self._force = cluster, member, force
        holder = f"ichorctl-{platform.node()}-{os.getpid()}"
        self._lease = Lease(LEASE, inventory.NAMESPACE, holder, clock)
        self.broken = dict[Entry, str]()

    async def note_broken(self) -> None:
        """Look which workloads lack something before anything is changed; those are not waited for."""
        self.broken = {entry: lacks for entry in await self._workloads() if (lacks := await self._lacks(entry))}

    async def held_up(self) -> str:
        """What keeps us from giving: another who does, or manifests that are not here yet. Empty when we may."""
        extra = await self._cluster.resource(self._member, _EXTRA, "extra-manifests", ExtraManifestsConfigSpec)
        there = await self._cluster.manifests(self._member)
        if not there:
            return "the node has not made its manifests yet"
        for each in extra.extra_manifests:
            if f"{each.priority}-{each.name}" not in there:
                return f"the node has not fetched the manifest {each.name} yet"
        return "" if await self._lease.take(self._cluster.kubernetes) else "a control plane is applying manifests"

    async def give(self, *, prune: bool, say: Callable[[str], None]) -> None:
        """Apply all; take away what was applied and is in none of them any more. Held up by nobody. Raises Conflict
        naming what another manager has, the errors of what was refused otherwise, and NotReady where there are none:
        a node that has just started has none yet, and all that was applied is not to go for that."""
        kubernetes, refused = self._cluster.kubernetes, list[IchorError]()
        manifests = await self._cluster.manifests(self._member)
        if not manifests:
            raise NotReady("the node has not made its manifests yet", remedy="run this again")
        try:
            for id_, things in manifests.items():
                if not await self._lease.take(kubernetes):
                    raise NotReady("a control plane has begun to apply manifests", remedy="run this again")
                refused += await Applying(kubernetes, force=self._force).apply(things)
                say(f"manifest {id_} applied")
            if prune:
                kept = [thing for things in manifests.values() for thing in things]
                for gone in await Applying(kubernetes).prune(kept):
                    say(f"{gone} is in no manifest any more: removed")
        finally:
            await self._lease.give(kubernetes)
        if refused:
            raise _joined(refused)

    async def unsettled(self) -> str:
        """What workloads lack that did not before."""
        for entry in await self._workloads():
            if entry not in self.broken and (lacks := await self._lacks(entry)):
                return f"{entry}: {lacks}"
        return ""

    async def _workloads(self) -> list[Entry]:
        found = list[Entry]()
        for things in (await self._cluster.manifests(self._member)).values():
            found += [entry for entry in map(Entry.of, things) if entry.api == _APPS and entry.kind in rollout.KINDS]
        return found

    async def _lacks(self, entry: Entry) -> str:
        kubernetes = self._cluster.kubernetes
        try:
            where = await Kinds(kubernetes).find(entry.api, entry.kind)
            found: Object = await kubernetes.get(where, entry.name, entry.namespace or "default")
        except NotFound:
            return "it is not there"
        return rollout.lacks({"kind": entry.kind, **found})


def _joined(refused: list[IchorError]) -> IchorError:
    """One error of all, of the kind that the first is."""
    if any(isinstance(each, Conflict) for each in refused):
        return Conflict("; ".join(map(str, refused)), remedy="take these fields over by --manifests-force")
    return type(refused[0])("; ".join(map(str, refused)))
