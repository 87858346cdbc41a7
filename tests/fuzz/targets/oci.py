"""OCI layouts to import. Input: a tar as it is, or after an odd first byte three documents (index, manifest, config)
between lines of `---`, put into a tar with digests that fit: `@M` and `@C` stand for those."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator

from core.base.errors import Invalid, NotFound
from core.node.containers.layout import Image, Layout
from tests.fuzz.target import Target, attempt
from tests.node.containers.oci import layout


def check(data: bytes) -> None:
    archive = _tar(data[1:]) if data[:1] and data[0] & 1 else data[1:]
    for image in attempt((Invalid, NotFound), _images, archive) or []:
        assert image.name
        assert len(image.manifest.layers) == len(image.config.rootfs.diff_ids)


def _images(archive: bytes) -> list[Image]:
    return list(Layout(io.BytesIO(archive)).images())


def _tar(text: bytes) -> bytes:
    index, _, rest = text.partition(b"\n---\n")
    manifest, _, config = rest.partition(b"\n---\n")
    manifest = manifest.replace(b"@C", _digest(config))
    index = index.replace(b"@M", _digest(manifest)).replace(b"@C", _digest(config))
    files = {"oci-layout": b"{}", "index.json": index}
    files |= {f"blobs/sha256/{_digest(blob).decode()}": blob for blob in (manifest, config)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, blob in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(blob)
            tar.addfile(member, io.BytesIO(blob))
    return out.getvalue()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def seeds() -> Iterator[bytes]:
    yield b"\0" + layout([], "x:1")[:4095].rstrip(b"\0")
    kind = "application/vnd.oci.image."
    top = {"mediaType": kind + "manifest.v1+json", "digest": "sha256:@M", "size": 2}
    named = top | {"annotations": {"io.containerd.image.name": "a/b:1"}}
    manifest = {"config": {"mediaType": "c", "digest": "sha256:@C", "size": 2}, "layers": []}
    config = {"rootfs": {"diff_ids": []}, "config": {"Env": ["A=b"], "Cmd": ["x"], "WorkingDir": "/"}}
    here = {"platform": {"os": "linux", "architecture": "amd64"}}
    inner = {"manifests": [top | here, top | {"platform": {"os": "w", "architecture": "z"}}]}
    index = named | {"mediaType": kind + "index.v1+json", "digest": "sha256:@C"}
    sets: tuple[tuple[object, object, object], ...] = (
        ({"manifests": [named]}, manifest, config),
        ({"manifests": [named | here, top]}, manifest | {"layers": [top]}, config | {"rootfs": {"diff_ids": ["x"]}}),
        ({"manifests": [index]}, manifest, inner),
        ({"manifests": []}, {}, {}),
    )
    for documents in sets:
        yield b"\1" + b"\n---\n".join(json.dumps(d).encode() for d in documents)


TARGET = Target(check, seeds, runs=5000)
