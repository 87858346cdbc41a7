"""Images from registries. containerd fetches, checks digests and unpacks, by the way the kubelet takes (CRI): before
2.0 its transfer service knows no mirrors and no certificates of registries. Owns what that way lacks: progress, and
other namespaces than that of pods. All that a pull makes is under a lease: one that is given up leaves nothing."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base.errors import NotFound
from core.codec.reference import Reference
from core.node.containers import images
from core.node.containers.client import NAMESPACES, Containerd, missing
from core.node.containers.layout import Image
from core.node.containers.progress import Layer, Watch
from core.rpc.pb.containerd import images_pb2
from core.rpc.pb.cri import images_pb2 as cri

PODS: Final = NAMESPACES[-1]
PULL: Final = "/runtime.v1.ImageService/PullImage"
INTERVAL: Final = 0.25  # seconds between two looks at a pull that somebody watches
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Pulls:
    """Pulling into the namespaces of one containerd."""

    containerd: Containerd

    async def pull(self, namespace: str, name: str) -> str:
        """Have the image; its name in the store. Raises Invalid, and RpcError with what the registry said."""
        reference = Reference.parse(name)
        async with self._pods.leased() as leased:
            await self._have(leased, namespace, reference)
        return str(reference)

    async def follow(self, namespace: str, name: str) -> AsyncGenerator[Layer | str]:
        """The same, with each layer as it goes on before the name. Leaving it ends the pull."""
        reference = Reference.parse(name)
        async with self._pods.leased() as leased:
            watch = Watch(leased)
            async with _beside(self._have(leased, namespace, reference)) as having:
                while not having.done():
                    await asyncio.wait([having], timeout=INTERVAL)
                    for layer in await watch.news():
                        yield layer
                having.result()
            for layer in await watch.news():
                yield layer
        yield str(reference)

    @property
    def _pods(self) -> Containerd:
        return replace(self.containerd, namespace=PODS)

    async def _have(self, leased: Containerd, namespace: str, reference: Reference) -> None:
        began = leased.clock.now()
        image = await _fetched(leased, reference)
        if namespace == PODS:
            return
        async with replace(self.containerd, namespace=namespace).leased() as here:
            await images.adopt(here, image)
        top = image.index or image.target
        for made in (str(reference), reference.by(top.digest), image.manifest.config.digest):
            await _forget(leased, made, began)


async def _fetched(leased: Containerd, reference: Reference) -> Image:
    """The image among those of pods. Whoever moves the same one elsewhere may take its record away before we see it:
    what it needs is under our lease, and fetched again in no time."""
    request = cri.PullImageRequest(image=cri.ImageSpec(image=str(reference)))
    for left in reversed(range(_ATTEMPTS)):
        await leased.channel.unary(PULL, request, cri.PullImageResponse, leased.metadata)
        try:
            return await images.find(leased, str(reference))
        except NotFound:
            if not left:
                raise
    raise AssertionError("unreachable")


async def _forget(containerd: Containerd, name: str, since: float) -> None:
    """Take a record away that came with this pull; pods keep those that they had."""
    request = images_pb2.GetImageRequest(name=name)
    found = await missing(containerd.call("images", "Get", request, images_pb2.GetImageResponse))
    if found is not None and found.image.created_at.ToNanoseconds() / 1e9 >= since:
        await missing(containerd.call("images", "Delete", images_pb2.DeleteImageRequest(name=name), Empty))


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends with the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
