"""Two control planes and a worker, as an upgrade sees them: configs, and what becomes of each in a real kube-apiserver,
one step with each moment that the upgrade waits. What kubelets and controllers would write there is written here, so
that every order of things can be had; on nodes that run it is shown by tests/e2e/test_upgrade.py."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar, cast

from google.protobuf.message import Message

from core.base.clock import SystemClock
from core.cli.upgrading.cluster import Cluster
from core.cli.upgrading.components import COMPONENTS, PROXY, Component, Kind
from core.cli.upgrading.plan import Held, Member
from core.cluster.kubernetes import upgrades
from core.cluster.kubernetes.applying import Applying
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.manifests import proxy
from core.cluster.kubernetes.paths import DAEMON_SETS, NODES, PODS, Object
from core.config import generate
from core.config.generate import Options
from core.config.load import Config, load
from core.rpc.pb.resource.definitions.k8s.k8s_pb2 import ExtraManifestsConfigSpec, KubeletStatusSpec, StaticPodSpec
from tests.node.trust.house import SECRETS

M = TypeVar("M", bound=Message)
SYSTEM: Final = "kube-system"
PLANES: Final = (Member("cp-1", "10.9.0.1"), Member("cp-2", "10.9.0.2"))
WORKER: Final = Member("w-1", "10.9.0.3")
MEMBERS: Final = (*PLANES, WORKER)


class Killed(Exception):
    """The program is no more."""


class World(Cluster):
    """`applied` are the parts whose images changed, with their nodes; whoever is killed is so behind so many of them
    (`mortal`). A change that comes while another node's part is not well is an AssertionError."""

    def __init__(self, kubernetes: Kubernetes, version: str) -> None:
        self.kubernetes = kubernetes
        self.applied = list[tuple[str, str]]()
        self.mortal = 0
        self._configs = dict[str, Config]()
        self._coming = list[Callable[[], Awaitable[None]]]()
        for member in MEMBERS:
            make = generate.worker if member == WORKER else generate.control_plane
            options = Options(name="c", endpoint="https://10.9.0.1:6443", kubernetes=version)
            self._configs[member.address] = load(make(SECRETS, options))

    async def begin(self) -> None:
        """All that runs by the first configs is there."""
        for member in MEMBERS:
            for part in COMPONENTS:
                if part.runs(self._configs[member.address]):
                    await self._come(part, member)
        while self._coming:
            await self.turn()

    async def turn(self) -> None:
        """What comes next, comes."""
        if self._coming:
            await self._coming.pop(0)()

    async def look(self) -> list[Held]:
        return [Held(member, self._configs[member.address]) for member in MEMBERS]

    async def config(self, name: str) -> Config:
        return self._configs[name]

    async def apply(self, name: str, text: bytes) -> None:
        member = next(one for one in MEMBERS if one.address == name)
        before, after = self._configs[name], load(text)
        (part,) = [p for p in COMPONENTS if p.runs(after) and p.image(before) != p.image(after)]
        assert not self._coming, f"{part.name} of {member.name} is changed while another is on its way"
        self._configs[name] = after
        self.applied.append((part.name, member.name))
        await self._come(part, member)
        if len(self.applied) == self.mortal:
            raise Killed

    async def resource(self, member: Member, kind: tuple[str, str], id_: str, spec: type[M]) -> M:
        config = self._configs[member.address]
        images = {part.name: part.image(config) for part in COMPONENTS}
        found: Message
        match kind[1].partition(".")[0]:
            case "StaticPods":
                found = StaticPodSpec()
                found.pod.update({"spec": {"containers": [{"image": images[id_]}]}})
            case "KubeletStatuses":
                found = KubeletStatusSpec(image=images[id_])
            case _:
                found = ExtraManifestsConfigSpec()
        return cast("M", found)

    async def manifests(self, member: Member) -> dict[str, list[Object]]:
        image = PROXY.image(self._configs[member.address])
        return {"10-kube-proxy": proxy.proxy(image, (), {"cpu": "1m"}, {})}

    async def _come(self, part: Component, member: Member) -> None:
        image = part.image(self._configs[member.address])
        if part.kind is Kind.POD:
            self._coming += [partial(self._pod, part.name, member, image, ready) for ready in (False, True)]
        elif part.kind is Kind.SERVICE:
            self._coming += [partial(self._node, member, image, ready) for ready in (False, True)]
        elif all(PROXY.image(self._configs[each.address]) == image for each in PLANES):
            self._coming += [partial(self._daemons, count) for count in (0, 2, 3)]

    async def _pod(self, name: str, member: Member, image: str, ready: bool) -> None:
        """A mirror pod is another one when it changes."""
        metadata = {"name": f"{name}-{member.name}", "namespace": SYSTEM}
        spec = {"nodeName": member.name, "containers": [{"name": name, "image": image}]}
        if not ready:
            path = PODS.path(SYSTEM, metadata["name"])
            found = await self.kubernetes.list(PODS, SYSTEM, fields=f"metadata.name={metadata['name']}")
            if found["items"]:
                await self.kubernetes.ask("DELETE", path, {"kind": "DeleteOptions", "gracePeriodSeconds": 0})
            await self.kubernetes.create(PODS, {"metadata": metadata, "spec": spec})
        status = {"status": _status(ready)}
        await self.kubernetes.patch(PODS, metadata["name"], status, SYSTEM, part="status")

    async def _node(self, member: Member, image: str, ready: bool) -> None:
        found = await self.kubernetes.list(NODES, fields=f"metadata.name={member.name}")
        if not found["items"]:
            await self.kubernetes.create(NODES, {"metadata": {"name": member.name}})
        status: dict[str, Any] = _status(ready)
        if ready:
            status["nodeInfo"] = {"kubeletVersion": f"v{upgrades.tagged(image)}"}
        await self.kubernetes.patch(NODES, member.name, {"status": status}, part="status")

    async def _daemons(self, there: int) -> None:
        """The control planes give the manifest; then so many of its pods are new and well."""
        if not there:
            assert await Applying(self.kubernetes).apply((await self.manifests(PLANES[0]))["10-kube-proxy"]) == []
            return
        found = await self.kubernetes.get(DAEMON_SETS, PROXY.name, SYSTEM)
        counts = {"currentNumberScheduled": 3, "numberMisscheduled": 0, "numberReady": there}
        counts |= {"desiredNumberScheduled": 3, "updatedNumberScheduled": there, "numberAvailable": there}
        status = {"status": counts | {"observedGeneration": found["metadata"]["generation"]}}
        await self.kubernetes.patch(DAEMON_SETS, PROXY.name, status, SYSTEM, part="status")


class Moments(SystemClock):
    """To wait a moment is to let the world go on by a step."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def sleep(self, seconds: float) -> None:
        await self._world.turn()


def _status(ready: bool) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": None}]}
