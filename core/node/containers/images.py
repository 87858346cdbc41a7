"""Images into containerd: blobs, unpacked layers, a record that keeps them. All happens under a lease, and labels
tell the garbage collector what holds what; an import that died is finished by doing it again."""

import secrets
from collections.abc import Iterator
from typing import IO, Final

from google.protobuf.empty_pb2 import Empty

from core.base.errors import Invalid, NotFound
from core.node.containers.client import SNAPSHOTTER, Containerd, existing, missing, path
from core.node.containers.layout import (
    INDEXES,
    Config,
    Descriptor,
    Image,
    Index,
    Layout,
    Manifest,
    chain,
    chosen,
    decode,
    whole,
)
from core.rpc.call import Call
from core.rpc.pb.containerd import content_pb2, diff_pb2, images_pb2, snapshots_pb2, types_pb2
from core.rpc.status import Code, RpcError

Writing = Call[content_pb2.WriteContentRequest, content_pb2.WriteContentResponse]
PIECE: Final = 1 << 20
_APPLY: Final = 600.0  # seconds a layer may take to unpack


async def load(containerd: Containerd, file: IO[bytes], name: str = "") -> list[str]:
    """Import the images of an OCI layout tar that fit this machine, unpacked; their names. Raises Invalid, RpcError."""
    layout, names = Layout(file), []
    async with containerd.leased() as leased:
        for image in layout.images(name):
            await _blobs(leased, layout, image)
            await unpack(leased, image)
            await _record(leased, image)
            names.append(image.name)
    return names


async def find(containerd: Containerd, name: str) -> Image:
    """An image that is there, with its manifest and config read back. Raises NotFound."""
    request = images_pb2.GetImageRequest(name=name)
    found = await missing(containerd.call("images", "Get", request, images_pb2.GetImageResponse))
    if found is None:
        raise NotFound(f"image {name} is not on this node", remedy="import or pull it first")
    return await opened(containerd, name, described(found.image.target))


async def opened(containerd: Containerd, name: str, top: Descriptor) -> Image:
    """The image behind a descriptor of its manifest, or of an index that names it. Raises NotFound, Invalid."""
    target, index = top, None
    if top.media_type in INDEXES:
        target, index = chosen(decode(await read(containerd, top.digest), Index, name), top.digest), top
    manifest = decode(await read(containerd, target.digest), Manifest, name)
    config = decode(await read(containerd, manifest.config.digest), Config, name)
    return whole(Image(name, target, manifest, config, index))


async def adopt(containerd: Containerd, image: Image) -> None:
    """Have an image that another namespace has: blobs are shared, layers are unpacked anew. There must be leases in
    both. Raises NotFound if a blob is nowhere."""
    for blob, labels in _held(image):
        await _write(containerd, blob, None, labels)
    await unpack(containerd, image)
    await _record(containerd, image)


async def read(containerd: Containerd, digest: str) -> bytes:
    """A small blob whole."""
    request = content_pb2.ReadContentRequest(digest=digest)
    reply = content_pb2.ReadContentResponse
    call = containerd.channel.server_stream(path("content", "Read"), request, reply, containerd.metadata)
    async with call:
        return b"".join([piece.data async for piece in call])


async def unpack(containerd: Containerd, image: Image) -> str:
    """Make a committed snapshot of every layer; the name of the topmost."""
    parent = ""
    chains = chain(image.config.rootfs.diff_ids)
    for layer, diff, name in zip(image.manifest.layers, image.config.rootfs.diff_ids, chains, strict=True):
        await _layer(containerd, layer, diff, name, parent)
        parent = name
    return parent


async def _layer(containerd: Containerd, layer: Descriptor, diff: str, name: str, parent: str) -> None:
    stat = snapshots_pb2.StatSnapshotRequest(snapshotter=SNAPSHOTTER, key=name)
    if await missing(containerd.call("snapshots", "Stat", stat, snapshots_pb2.StatSnapshotResponse)) is not None:
        return
    key = f"extract-{secrets.token_hex(8)} {name}"
    prepare = snapshots_pb2.PrepareSnapshotRequest(snapshotter=SNAPSHOTTER, key=key, parent=parent)
    mounts = (await containerd.call("snapshots", "Prepare", prepare, snapshots_pb2.PrepareSnapshotResponse)).mounts
    try:
        apply = diff_pb2.ApplyRequest(diff=message(layer), mounts=mounts)
        applied = await containerd.call("diff", "Apply", apply, diff_pb2.ApplyResponse, _APPLY)
        if applied.applied.digest != diff:
            raise Invalid(f"layer {layer.digest} unpacks to {applied.applied.digest}, its image says {diff}")
        commit = snapshots_pb2.CommitSnapshotRequest(snapshotter=SNAPSHOTTER, name=name, key=key)
        await containerd.call("snapshots", "Commit", commit, Empty)
    except BaseException as error:
        remove = snapshots_pb2.RemoveSnapshotRequest(snapshotter=SNAPSHOTTER, key=key)
        await missing(containerd.call("snapshots", "Remove", remove, Empty))
        if not isinstance(error, RpcError) or error.code is not Code.ALREADY_EXISTS:  # somebody was faster
            raise


async def _blobs(containerd: Containerd, layout: Layout, image: Image) -> None:
    for blob, labels in _held(image):
        await _write(containerd, blob, layout.blob(blob), labels)


def _held(image: Image) -> Iterator[tuple[Descriptor, dict[str, str]]]:
    """Its blobs bottom up, so that what points to others comes after them, with the labels that say what they hold."""
    layers, diffs = image.manifest.layers, image.config.rootfs.diff_ids
    for layer, diff in zip(layers, diffs, strict=True):
        yield layer, {"containerd.io/uncompressed": diff}
    snapshot = {f"containerd.io/gc.ref.snapshot.{SNAPSHOTTER}": name for name in chain(diffs)[-1:]}
    yield image.manifest.config, snapshot
    held = {"config": image.manifest.config, **{f"l.{number}": layer for number, layer in enumerate(layers)}}
    yield image.target, {f"containerd.io/gc.ref.content.{key}": blob.digest for key, blob in held.items()}
    if image.index is not None:
        yield image.index, {"containerd.io/gc.ref.content.m.0": image.target.digest}


async def _write(containerd: Containerd, blob: Descriptor, source: IO[bytes] | None, labels: dict[str, str]) -> None:
    if not await _exists(containerd, blob, source, labels):
        return
    request = content_pb2.UpdateRequest(info=content_pb2.Info(digest=blob.digest, labels=labels))
    request.update_mask.paths.extend(f"labels.{label}" for label in labels)
    await containerd.call("content", "Update", request, content_pb2.UpdateResponse)


async def _exists(containerd: Containerd, blob: Descriptor, source: IO[bytes] | None, labels: dict[str, str]) -> bool:
    """Write the blob; True if it had been there, and its labels are still to be set. Without a source another namespace
    must have it, for then containerd takes it for written as soon as it hears the digest."""
    start = content_pb2.WriteContentRequest(ref=f"import-{blob.digest}", total=blob.size, expected=blob.digest)
    metadata = containerd.metadata
    call = containerd.channel.bidi(
        path("content", "Write"), content_pb2.WriteContentRequest, content_pb2.WriteContentResponse, metadata
    )
    try:
        async with call:
            await call.send(start)
            offset = (await anext(call)).offset  # what an earlier attempt brought
            if source is not None:
                with source:
                    offset = await _rest(call, source, offset)
            if offset != blob.size:
                raise NotFound(f"blob {blob.digest} is not on this node whole", remedy="pull the image again")
            commit = content_pb2.WriteContentRequest(
                action=content_pb2.WriteAction.COMMIT, offset=offset, total=blob.size, expected=blob.digest
            )
            commit.labels.update(labels)
            await call.end(commit)
            async for _ in call:
                pass  # the reply repeats what was asked for; what counts is the status after it
    except RpcError as error:
        if error.code is not Code.ALREADY_EXISTS:
            raise
        return True
    return False


async def _rest(call: Writing, source: IO[bytes], offset: int) -> int:
    """Write what comes after `offset`; where that ends."""
    source.seek(offset)
    while piece := source.read(PIECE):
        action = content_pb2.WriteAction.WRITE
        await call.send(content_pb2.WriteContentRequest(action=action, offset=offset, data=piece))
        offset = (await anext(call)).offset
    return offset


async def _record(containerd: Containerd, image: Image) -> None:
    record = images_pb2.Image(name=image.name, target=message(image.index or image.target))
    create = images_pb2.CreateImageRequest(image=record)
    if await existing(containerd.call("images", "Create", create, images_pb2.CreateImageResponse)) is None:
        update = images_pb2.UpdateImageRequest(image=record)
        await containerd.call("images", "Update", update, images_pb2.UpdateImageResponse)


def message(descriptor: Descriptor) -> types_pb2.Descriptor:
    """A descriptor as containerd takes it."""
    return types_pb2.Descriptor(media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size)


def described(message: types_pb2.Descriptor) -> Descriptor:
    """A descriptor as containerd tells it."""
    return Descriptor(message.media_type, message.digest, message.size)
