"""The upgrade itself: images first, then one part after the other and one node after the other, each by its config,
each seen to be well before the next; the cluster's manifests at the end. Broken off anywhere, it is begun again and
finds by the nodes' configs what is left to do."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final

from core.base.errors import NotReady
from core.cli import files
from core.cli.imagepull import pulled
from core.cli.target import Node
from core.cli.upgrading.cluster import Cluster
from core.cli.upgrading.components import KUBELET, PROXY
from core.cli.upgrading.gates import Gates
from core.cli.upgrading.manifests import Manifests
from core.cli.upgrading.plan import Change, Member, Plan
from core.cli.upgrading.waiting import Waiting
from core.cluster.kubernetes import upgrades

POD_PATIENCE: Final = 120.0  # for the pods of a node to be ready again behind its kubelet


@dataclass(frozen=True, slots=True)
class Wishes:
    """What of it is wanted: `settle` is how long workloads of manifests are waited for, in seconds."""

    pull: bool = True
    prune: bool = True
    settle: float = 300.0


class Upgrade:
    """`say` is told each thing done."""

    def __init__(
        self, cluster: Cluster, manifests: Manifests, waiting: Waiting, say: Callable[[str], None], wishes: Wishes
    ) -> None:
        self._cluster, self._manifests, self._waiting = cluster, manifests, waiting
        self._say, self._wishes, self._gates = say, wishes, Gates(cluster)

    async def run(self, plan: Plan) -> None:
        """From wherever it is to the end. Raises NotReady naming what does not come up."""
        await self._manifests.note_broken()
        for entry, lacks in self._manifests.broken.items():
            self._say(f"{entry} is not waited for, since it does not run now: {lacks}")
        if self._wishes.pull:
            await self._pull(plan)
        for component, changes in groupby(plan.changes, lambda change: change.component):
            every = list(changes)
            if component is PROXY:
                await self._proxy(every)
            else:
                await self._parts(every)
        for change in plan.changes:  # kubelets have begun anew, perhaps those of a run that was broken off
            await self._waiting.until(_place(change), partial(self._gates.taken, change))
        await self._give()

    async def _pull(self, plan: Plan) -> None:
        """On all nodes at once, on each one image after the other. Raises the RpcError of one that could not be had."""

        async def one(member: Member) -> None:
            for each, namespace, image in plan.pulls:
                if each == member:
                    fetch = partial(self._fetched, namespace=namespace, image=image)
                    await self._cluster.nodes.one(member.address, fetch)
                    self._say(f"{member.name}: has {image}")

        try:
            async with asyncio.TaskGroup() as group:
                for member in dict.fromkeys(each for each, _, _ in plan.pulls):
                    group.create_task(one(member))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the others' pulls ended with the first failure

    async def _fetched(self, node: Node, *, namespace: str, image: str) -> None:
        await pulled(node, namespace, image, self._waiting.board)

    async def _parts(self, changes: list[Change]) -> None:
        """A part, node by node: while one of it is down, no other is touched."""
        for change in changes:
            await self._waiting.until(_place(change), partial(self._gates.stands, change))
        for change in changes:
            pods = await self._gates.ready_pods(change.member) if change.component is KUBELET else {}
            await self._make(change)
            if pods:
                await self._pods(change.member, pods)

    async def _pods(self, member: Member, pods: Mapping[str, str]) -> None:
        """A kubelet that has begun anew takes its pods for not ready until it has looked at each, and they serve nobody
        meanwhile; those of the next one are to be theirs then. What is not ready for long is so for its own reasons."""
        try:
            await self._waiting.until(f"{member.name}: pods", partial(self._gates.unready, member, pods), POD_PATIENCE)
        except NotReady as error:
            self._say(f"{error.message}; it is not waited for any longer")

    async def _proxy(self, changes: list[Change]) -> None:
        """A part that is the cluster's: every control plane is to give the same before it is looked at."""
        for change in changes:
            await self._make(change)
        images = {change.after for change in changes}
        await self._waiting.until(PROXY.name, partial(self._gates.rolled_out, PROXY, images))
        self._say(f"{PROXY.name}: well on every node")

    async def _make(self, change: Change) -> None:
        where = _place(change)
        if change.before != change.after:
            config = await self._cluster.config(change.member.address)
            patch = json.dumps(change.component.patch(change.after))
            text = files.patched(config.text, config.name, (patch,))
            await self._cluster.apply(change.member.address, text)
            self._say(f"{where}: {_said(change.before)} -> {_said(change.after)}")
        await self._waiting.until(where, partial(self._gates.taken, change))
        self._say(f"{where}: {_said(change.after)} is there")

    async def _give(self) -> None:
        await self._waiting.until("manifests", self._manifests.held_up)
        await self._manifests.give(prune=self._wishes.prune, say=self._say)
        if self._wishes.settle:
            await self._waiting.until("manifests", self._manifests.unsettled, self._wishes.settle)


def _place(change: Change) -> str:
    return f"{change.member.name}: {change.component.name}"


def _said(image: str) -> str:
    """As people read it."""
    version = upgrades.tagged(image)
    return image if version is None else f"v{version}"
