"""How far a pull is, layer by layer, as containerd's store shows it: all that a pull makes carries its lease. Looks
when asked; says only what is new."""

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.node.containers import images
from core.node.containers.client import SNAPSHOTTER, Containerd
from core.node.containers.layout import Config, Descriptor, Manifest, chain, decode
from core.rpc.pb.containerd import content_pb2, leases_pb2

_CONFIG: Final = "containerd.io/gc.ref.content.config"


class Phase(enum.Enum):
    """Where a layer is, in the order of its life; the last is of one that had been here before."""

    DOWNLOADING = 0
    DOWNLOADED = 1
    EXTRACTING = 2
    EXTRACTED = 3
    EXISTED = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a pull; `offset` of `total` bytes are here, `elapsed` seconds since it was first seen."""

    digest: str
    phase: Phase
    offset: int
    total: int
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What the store shows of a lease: digests of blobs (True: older than the pull), bytes of blobs under way, names
    of snapshots."""

    blobs: Mapping[str, bool] = field(default_factory=dict)
    coming: Mapping[str, int] = field(default_factory=dict)
    snapshots: frozenset[str] = frozenset()


def phases(layers: Sequence[Descriptor], chains: Sequence[str], sight: Sight) -> Iterator[Layer]:
    """The layers of which something can be said. `chains` are their chain ids, none while those are not known."""
    below = True  # what is underneath has been extracted
    for number, layer in enumerate(layers):
        name = chains[number] if chains else ""
        done, here = name in sight.snapshots, layer.digest in sight.blobs
        if here or done:
            opened = here and below and any(key.endswith(f" {name}") for key in sight.snapshots)
            phase = Phase.EXTRACTED if done else Phase.EXTRACTING if opened and name else Phase.DOWNLOADED
            existed = sight.blobs.get(layer.digest, True)  # a layer whose snapshot is there is not even fetched
            yield Layer(layer.digest, Phase.EXISTED if existed and done else phase, layer.size, layer.size)
        elif layer.digest in sight.coming:
            yield Layer(layer.digest, Phase.DOWNLOADING, sight.coming[layer.digest], layer.size)
        below = done


class Watch:
    """The progress of what is fetched under the client's lease."""

    def __init__(self, leased: Containerd) -> None:
        self._leased, self._began = leased, leased.clock.now()
        self._infos: dict[str, content_pb2.Info] = {}
        self._layers: Sequence[Descriptor] = ()
        self._chains: Sequence[str] = ()
        self._said: dict[str, Layer] = {}
        self._since: dict[str, float] = {}

    async def news(self) -> list[Layer]:
        """The layers that went on since the last time."""
        sight = await self._look()
        await self._learn()
        now, news = self._leased.clock.now(), []
        for layer in phases(self._layers, self._chains, sight):
            if self._said.get(layer.digest) != layer:
                self._said[layer.digest] = layer
                elapsed = max(0.0, now - self._since.setdefault(layer.digest, now))
                news.append(Layer(layer.digest, layer.phase, layer.offset, layer.total, elapsed))
        return news

    async def _look(self) -> Sight:
        request, reply = leases_pb2.ListResourcesRequest(id=self._leased.lease), leases_pb2.ListResourcesResponse
        found = await self._leased.call("leases", "ListResources", request, reply)
        names: dict[str, list[str]] = defaultdict(list)
        for resource in found.resources:
            names[resource.type].append(resource.id)
        coming = {name.removeprefix("layer-"): 0 for name in names["ingests"]}
        if coming:
            coming |= await self._written()
        for digest in names["content"]:
            await self._inform(digest)
        old = {digest: _made(self._infos[digest]) < self._began for digest in names["content"]}
        return Sight(old, coming, frozenset(names[f"snapshots/{SNAPSHOTTER}"]))

    async def _written(self) -> dict[str, int]:
        """Bytes of every blob under way in the namespace, whoever fetches it."""
        reply = content_pb2.ListStatusesResponse
        found = await self._leased.call("content", "ListStatuses", content_pb2.ListStatusesRequest(), reply)
        return {status.ref.removeprefix("layer-"): status.offset for status in found.statuses}

    async def _inform(self, digest: str) -> None:
        """What a blob points to is written on it a moment after it is there: asked again until the manifest says it."""
        if digest not in self._infos or not self._layers:
            request = content_pb2.InfoRequest(digest=digest)
            answer = await self._leased.call("content", "Info", request, content_pb2.InfoResponse)
            self._infos[digest] = answer.info

    async def _learn(self) -> None:
        """Layers from the manifest and chain ids from the config, as soon as these are here."""
        for digest, info in self._infos.items():
            config = info.labels.get(_CONFIG, "")
            if config and not self._layers:
                self._layers = decode(await images.read(self._leased, digest), Manifest, digest).layers
            if config in self._infos and not self._chains:
                found = decode(await images.read(self._leased, config), Config, config)
                self._chains = chain(found.rootfs.diff_ids)


def _made(info: content_pb2.Info) -> float:
    return info.created_at.ToNanoseconds() / 1e9
