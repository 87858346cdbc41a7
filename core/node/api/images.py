"""machine.ImageService and the image calls of MachineService: what is in containerd's store, and what comes there from
registries and by import. There is no policy yet to check images against."""

import errno
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from google.protobuf.empty_pb2 import Empty

from core.base import offload
from core.base.errors import Exhausted, Invalid, NotFound
from core.node.api.instances import of_instance, of_namespace
from core.node.api.later import VERIFYING, later
from core.node.containers import images
from core.node.containers.client import Containerd, missing
from core.node.containers.progress import Layer, Phase
from core.node.containers.pull import Pulls
from core.rpc.pb.containerd import images_pb2
from core.rpc.pb.machine import image_pb2 as pb
from core.rpc.pb.machine import machine_pb2
from core.rpc.service import Method, Service, client_stream, server_stream, unary

FOLDER: Final = Path("/var")  # where an import waits until it is whole: on disk, without a name
NAME: Final = "machine.ImageService"
_Layer = pb.ImageServicePullLayerProgress
_STATUS: Final = {
    Phase.DOWNLOADING: _Layer.DOWNLOADING,
    Phase.DOWNLOADED: _Layer.DOWNLOAD_COMPLETE,
    Phase.EXTRACTING: _Layer.EXTRACTING,
    Phase.EXTRACTED: _Layer.EXTRACT_COMPLETE,
    Phase.EXISTED: _Layer.ALREADY_EXISTS,
}


@dataclass(frozen=True, slots=True)
class Images:
    """The handlers over one containerd."""

    containerd: Containerd
    folder: Path = FOLDER

    def service(self) -> Service:
        """machine.ImageService."""
        return Service(
            NAME,
            {
                "List": server_stream(self.list, pb.ImageServiceListRequest, pb.ImageServiceListResponse),
                "Pull": server_stream(self.pull, pb.ImageServicePullRequest, pb.ImageServicePullResponse),
                "Import": client_stream(self.load, pb.ImageServiceImportRequest, pb.ImageServiceImportResponse),
                "Remove": unary(self.remove, pb.ImageServiceRemoveRequest, Empty),
                **later(NAME, "Verify", VERIFYING),
            },
        )

    def methods(self) -> dict[str, Method]:
        """The legacy calls."""
        request, reply = machine_pb2.ImageListRequest, machine_pb2.ImageListResponse
        return {
            "ImageList": server_stream(self.legacy_list, request, reply),
            "ImagePull": unary(self.legacy_pull, machine_pb2.ImagePullRequest, machine_pb2.ImagePullResponse),
        }

    async def list(self, ctx: Any, request: pb.ImageServiceListRequest) -> AsyncIterator[pb.ImageServiceListResponse]:
        """Every image of a namespace by name."""
        within = self._within(of_instance(request.containerd))
        for image in await _all(within):
            yield pb.ImageServiceListResponse(
                name=image.name,
                digest=image.target.digest,
                size=await _size(within, image),
                created_at=image.created_at,
                labels=image.labels,
            )

    async def legacy_list(
        self, ctx: Any, request: machine_pb2.ImageListRequest
    ) -> AsyncIterator[machine_pb2.ImageListResponse]:
        """The same, as older clients ask."""
        within = self._within(of_namespace(request.namespace))
        for image in await _all(within):
            yield machine_pb2.ImageListResponse(
                name=image.name,
                digest=image.target.digest,
                size=await _size(within, image),
                created_at=image.created_at,
            )

    async def pull(self, ctx: Any, request: pb.ImageServicePullRequest) -> AsyncIterator[pb.ImageServicePullResponse]:
        """Each layer as it goes on, the image's name last. Who leaves ends the pull, and nothing of it stays."""
        pulls = Pulls(self.containerd)
        async with aclosing(pulls.follow(of_instance(request.containerd), request.image_ref)) as news:
            async for item in news:
                yield pb.ImageServicePullResponse(name=item) if isinstance(item, str) else _progress(item)

    async def legacy_pull(self, ctx: Any, request: machine_pb2.ImagePullRequest) -> machine_pb2.ImagePullResponse:
        """The same without progress, as older clients ask."""
        await Pulls(self.containerd).pull(of_namespace(request.namespace), request.reference)
        return machine_pb2.ImagePullResponse(messages=[machine_pb2.ImagePull()])

    async def load(
        self, ctx: Any, requests: AsyncIterator[pb.ImageServiceImportRequest]
    ) -> pb.ImageServiceImportResponse:
        """Take an OCI layout tar: first the namespace, then its bytes. The name is that of its first image."""
        first = await anext(requests, None)
        if first is None or not first.HasField("containerd"):
            raise Invalid("an import begins with the namespace that it is for")
        within = self._within(of_instance(first.containerd))
        with tempfile.TemporaryFile(dir=self.folder) as file:
            async for piece in requests:
                await offload.call(_write, file, piece.image_chunk.bytes)
            file.seek(0)
            names = await images.load(within, file)
        if not names:
            raise Invalid("there is no image for this machine in it")
        return pb.ImageServiceImportResponse(name=names[0])

    async def remove(self, ctx: Any, request: pb.ImageServiceRemoveRequest) -> Empty:
        """Forget an image; what only it held is deleted before this answers. Containers keep what they run from."""
        within = self._within(of_instance(request.containerd))
        wanted = images_pb2.DeleteImageRequest(name=request.image_ref, sync=True)
        if await missing(within.call("images", "Delete", wanted, Empty)) is None:
            raise NotFound(f"image {request.image_ref} is not on this node")
        return Empty()

    def _within(self, namespace: str) -> Containerd:
        return replace(self.containerd, namespace=namespace)


def _progress(layer: Layer) -> pb.ImageServicePullResponse:
    progress = _Layer(status=_STATUS[layer.phase], offset=layer.offset, total=layer.total)
    progress.elapsed.FromNanoseconds(round(layer.elapsed * 1e9))
    return pb.ImageServicePullResponse(
        pull_progress=pb.ImageServicePullProgress(layer_id=layer.digest, progress=progress)
    )


async def _all(containerd: Containerd) -> list[images_pb2.Image]:
    found = await containerd.call("images", "List", images_pb2.ListImagesRequest(), images_pb2.ListImagesResponse)
    return sorted(found.images, key=lambda image: image.name)


async def _size(containerd: Containerd, image: images_pb2.Image) -> int:
    """Bytes of all its blobs, as far as it is one for this machine alone."""
    try:
        found = await images.find(containerd, image.name)
    except (Invalid, NotFound):  # an index, or it went meanwhile
        return image.target.size
    return found.target.size + found.manifest.config.size + sum(layer.size for layer in found.manifest.layers)


def _write(file: IO[bytes], data: bytes) -> None:
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Exhausted("there is no room for the image", remedy="remove some: ichorctl image remove") from None
