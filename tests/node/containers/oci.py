"""OCI images made by hand: a static C program in one layer, in a layout tar as any tool would save it."""

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from tests.support.fixtures.oci import MEDIA, blob, digest

__all__ = ["MEDIA", "blob", "compiled", "digest", "layer", "layout"]

PROGRAM = r"""
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "serve": greets each caller on port 8080 by its address. "call ADDRESS PORT": prints what it is told. "echo": gives
 * back what it reads; ends with 7, on a terminal with 8. "mute": closes its output and stays. */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "echo")) {
		char buffer[4096];
		ssize_t n;
		while ((n = read(0, buffer, sizeof buffer)) > 0)
			if (write(1, buffer, n) != n)
				return 1;
		return isatty(0) ? 8 : 7;
	}
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	if (argc == 2 && !strcmp(argv[1], "mute")) {
		close(1), close(2);
		for (;;)
			pause();
	}
	if (argc == 4 && !strcmp(argv[1], "call")) {
		char buffer[256];
		a.sin_port = htons(atoi(argv[3]));
		inet_pton(AF_INET, argv[2], &a.sin_addr);
		if (connect(s, (void *)&a, sizeof a))
			return perror("connect"), 1;
		ssize_t n = read(s, buffer, sizeof buffer);
		return n > 0 && write(1, buffer, n) == n ? 0 : 1;
	}
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (void *)&a, sizeof a) || listen(s, 8))
		return perror("listen"), 1;
	printf("listening, GREETING=%s\n", getenv("GREETING"));
	for (;;) {
		socklen_t length = sizeof a;
		int c = accept(s, (void *)&a, &length);
		char text[64], out[96];
		inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
		int n = snprintf(out, sizeof out, "hello %s\n", text);
		if (write(c, out, n) == n)
			printf("served %s\n", text);
		close(c);
	}
}
"""


def compiled(folder: Path) -> bytes:
    source = folder / "hello.c"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-static", "-O1", "-o", folder / "hello", source], check=True)
    return (folder / "hello").read_bytes()


def layer(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return raw.getvalue()


def layout(layers: list[bytes], name: str, *, lie: bool = False) -> bytes:
    """The tar of a layout with one image; `lie`: its config tells another layer than there is."""
    blobs, manifest = _image(layers, "amd64", lie=lie)
    return _layout(blobs, blob("manifest.v1+json", manifest), name)


def many(images: dict[str, list[bytes]], name: str) -> bytes:
    """The tar of a layout with an index of images: the layers of each by architecture."""
    blobs: list[bytes] = []
    manifests = []
    for architecture, layers in images.items():
        more, manifest = _image(layers, architecture)
        blobs += more
        platform = {"os": "linux", "architecture": architecture}
        manifests.append(blob("manifest.v1+json", manifest) | {"platform": platform})
    index = json.dumps({"schemaVersion": 2, "mediaType": f"{MEDIA}index.v1+json", "manifests": manifests}).encode()
    return _layout([*blobs, index], blob("index.v1+json", index), name)


def _image(layers: list[bytes], architecture: str, *, lie: bool = False) -> tuple[list[bytes], bytes]:
    """All blobs, and which of them is the manifest."""
    packed = [gzip.compress(raw, 1, mtime=0) for raw in layers]
    diffs = [digest(raw + b"?" if lie else raw) for raw in layers]
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["GREETING=hi"], "Entrypoint": ["/hello"], "Cmd": ["serve"]},
            "rootfs": {"type": "layers", "diff_ids": diffs},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "config": blob("config.v1+json", config),
            "layers": [blob("layer.v1.tar+gzip", data) for data in packed],
        }
    ).encode()
    return [config, *packed, manifest], manifest


def _layout(blobs: list[bytes], top: dict[str, Any], name: str) -> bytes:
    named = top | {"annotations": {"io.containerd.image.name": name} if name else {}}
    index = json.dumps({"schemaVersion": 2, "manifests": [named]}).encode()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index}
    return layer(files | {f"blobs/sha256/{digest(data)[7:]}": data for data in blobs})
