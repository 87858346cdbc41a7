"""OCI image layouts in a tar (image-spec: image-layout.md, manifest.md, config.md): finding the image for this machine.
Reads; knows no containerd. Digests are checked by whoever stores the blobs."""

import hashlib
import platform
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final, TypeVar

import msgspec

from core.base.errors import Invalid, NotFound

T = TypeVar("T")
INDEXES: Final = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
NAME: Final = "io.containerd.image.name"
_LARGEST: Final = 4 << 20  # of a JSON document
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


class Platform(msgspec.Struct, frozen=True):
    """What an image runs on."""

    architecture: str = ""
    os: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A blob by digest."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = {}
    platform: Platform | None = None


class Index(msgspec.Struct, frozen=True, rename="camel"):
    """Manifests to choose from."""

    manifests: list[Descriptor]


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """An image: its config and its layers from the bottom up."""

    config: Descriptor
    layers: list[Descriptor]


class RootFs(msgspec.Struct, frozen=True):
    """Digests of the layers, uncompressed."""

    diff_ids: list[str]


class Process(msgspec.Struct, frozen=True, rename="pascal"):
    """What the image runs unless told otherwise."""

    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    working_dir: str | None = None
    user: str | None = None


class Config(msgspec.Struct, frozen=True):
    """The image's config document."""

    rootfs: RootFs
    config: Process = Process()


@dataclass(frozen=True, slots=True)
class Image:
    """One image: the descriptor of its manifest, what that says, and the index that names it beside others, if any."""

    name: str
    target: Descriptor
    manifest: Manifest
    config: Config
    index: Descriptor | None = None


class Layout:
    """A tar of an image layout, open for reading."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - it owns nothing: the file is the caller's
            self._members = {member.name.removeprefix("./"): member for member in self._tar if member.isreg()}
        except tarfile.TarError as error:
            raise Invalid(f"not a tar of an image layout: {error}") from error
        if "oci-layout" not in self._members:
            raise Invalid("the tar holds no oci-layout", remedy="save the image in OCI format")

    def images(self, name: str = "") -> Iterator[Image]:
        """The images for this machine; `name` names the only one, else each brings its own."""
        found = [m for m in self._json("index.json", Index).manifests if fits(m.platform)]
        if name and len(found) != 1:
            raise Invalid(f"{len(found)} images of this layout fit this machine: one name cannot be theirs")
        for top in found:
            own = name or top.annotations.get(NAME, "")
            if not own:
                raise Invalid(f"image {top.digest} has no name", remedy=f"give one, or annotate it with {NAME}")
            target = self._resolve(top)
            manifest = self.document(target, Manifest)
            config = self.document(manifest.config, Config)
            yield whole(Image(own, target, manifest, config))

    def document(self, descriptor: Descriptor, kind: type[T]) -> T:
        """A blob's JSON, its digest checked."""
        return self._json(_place(descriptor.digest), kind, descriptor.digest)

    def blob(self, descriptor: Descriptor) -> IO[bytes]:
        """A blob's bytes."""
        return self._open(_place(descriptor.digest))

    def _resolve(self, descriptor: Descriptor) -> Descriptor:
        if descriptor.media_type not in INDEXES:
            return descriptor
        return chosen(self.document(descriptor, Index), descriptor.digest)

    def _open(self, name: str) -> IO[bytes]:
        member = self._members.get(name)
        opened = None if member is None else self._tar.extractfile(member)
        if opened is None:
            raise Invalid(f"the image layout lacks {name}")
        return opened

    def _json(self, name: str, kind: type[T], digest: str = "") -> T:
        with self._open(name) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise Invalid(f"{name} of the image layout is over {_LARGEST} bytes")
        if digest and f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise Invalid(f"{name} of the image layout is not what its digest says")
        return decode(data, kind, name)


def chosen(index: Index, digest: str) -> Descriptor:
    """The manifest in an index for this machine. Raises NotFound."""
    for inner in index.manifests:
        if fits(inner.platform) and inner.media_type not in INDEXES:
            return inner
    raise NotFound(f"index {digest} has no image for {_MACHINES.get(platform.machine())}")


def whole(image: Image) -> Image:
    """The image, if its config tells of as many layers as its manifest. Raises Invalid."""
    layers, told = len(image.manifest.layers), len(image.config.rootfs.diff_ids)
    if layers != told:
        raise Invalid(f"image {image.name}: {layers} layers but {told} diff ids")
    return image


def decode(data: bytes, kind: type[T], name: str) -> T:
    """A JSON document as a value. Raises Invalid."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"{name}: {error}") from error


def chain(diff_ids: list[str]) -> list[str]:
    """The chain id of every layer: what it is together with all below it (image-spec, config.md)."""
    ids: list[str] = []
    for diff in diff_ids:
        ids.append(diff if not ids else f"sha256:{hashlib.sha256(f'{ids[-1]} {diff}'.encode()).hexdigest()}")
    return ids


def fits(wanted: Platform | None) -> bool:
    """Whether an image for `wanted` runs here; one that does not say is believed to."""
    here = ("linux", _MACHINES.get(platform.machine(), platform.machine()))
    return wanted is None or (wanted.os, wanted.architecture) == here


def _place(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or len(value) != 64 or not value.isalnum():
        raise Invalid(f"{digest!r} is no digest that images use")
    return f"blobs/{algorithm}/{value}"
