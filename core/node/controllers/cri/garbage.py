"""Images of the node's own namespaces that nobody uses go after a while. What is in that of pods is the kubelet's to
collect. Looks once an hour: nothing is gained by haste, and a node that is left alone shall not wake."""

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Final

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid
from core.codec.reference import Reference
from core.node import machineconfig
from core.node.containers.client import NAMESPACES, Containerd, missing
from core.node.resources.config import MachineConfig
from core.node.resources.services import Service
from core.rpc.pb.containerd import containers_pb2, images_pb2
from core.state import Controller, Scope, weak

CONFIG: Final = MachineConfig.at(machineconfig.ACTIVE)
RUNTIME: Final = Service.at("cri")
OWN: Final = NAMESPACES[:2]
INTERVAL: Final = 3600.0
AGE: Final = 3600.0  # seconds for which nobody must have used an image


class ImageGC(Controller):
    """Removes them. It remembers since when an image is unused; a machined that comes anew begins to count anew."""

    name = "cri.ImageGCController"
    inputs = (weak(CONFIG), weak(RUNTIME))

    def __init__(self, containerd: Containerd) -> None:
        self._containerd = containerd
        self._next: float | None = None
        self._since: dict[tuple[str, str], float] = {}

    async def reconcile(self, scope: Scope) -> None:
        now = scope.clock.monotonic()
        if self._next is None:
            self._next = now + INTERVAL
        runtime = scope.find(RUNTIME)
        if now >= self._next and runtime is not None and runtime.spec.ready:
            await self._look(now, _configured(scope))
            self._next = now + INTERVAL
        if now < self._next:  # else the runtime's coming up wakes us
            scope.later(self._next - now)

    async def _look(self, now: float, kept: Set[str]) -> None:
        since = {}
        for namespace in OWN:
            within = replace(self._containerd, namespace=namespace)
            for name in unused(await _images(within), await _used(within) | kept):
                since[namespace, name] = first = self._since.get((namespace, name), now)
                if now - first >= AGE:
                    await missing(within.call("images", "Delete", images_pb2.DeleteImageRequest(name=name), Empty))
        self._since = since


def unused(images: Mapping[str, str], kept: Set[str]) -> list[str]:
    """The names, of images by name and digest, that stand for nothing kept: an image may have several."""
    digests = {images[name] for name in kept & images.keys()}
    return [name for name, digest in images.items() if digest not in digests]


async def _images(containerd: Containerd) -> dict[str, str]:
    reply = images_pb2.ListImagesResponse
    found = await containerd.call("images", "List", images_pb2.ListImagesRequest(), reply)
    return {image.name: image.target.digest for image in found.images}


async def _used(containerd: Containerd) -> set[str]:
    reply = containers_pb2.ListContainersResponse
    found = await containerd.call("containers", "List", containers_pb2.ListContainersRequest(), reply)
    return {container.image for container in found.containers}


def _configured(scope: Scope) -> set[str]:
    """The images that the config names for what the node runs as containers of its own."""
    config = scope.find(CONFIG)
    if config is None:
        return set()
    values = machineconfig.of(config).v1alpha1
    return {name for text in (values.machine.kubelet.image, values.cluster.etcd.image) for name in _whole(text)}


def _whole(text: str) -> set[str]:
    """The name as the store has it; what is none names nothing there."""
    try:
        return {str(Reference.parse(text))}
    except Invalid:
        return set()
