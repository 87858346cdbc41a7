"""Programs in Go for tests and benchmarks: grpc-go as a peer. Compiler and libraries are packages of the image's Debian
release (this machine's has a grpc-go that is years older), unpacked into the cache; what they build stays there too, by
what it was made of. Nothing of it ever reaches a node.

A program is the folder `tests/support/go/<name>`, one `package main`. It imports our messages as `ichor/<folder below
core/rpc/pb>`, such as `ichor/machine`, and grpc-go by its usual names.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.image.cache import Cache, digest, tree_digest
from core.image.tools import run
from tests.support import debian
from tests.support.debian import CACHE

PACKAGES: Final = ("golang-go", "golang-google-grpc-dev", "protoc-gen-go", "protoc-gen-go-grpc")
# of what they depend on: all of it is linked statically already, and these two are most of the rest
UNUSED: Final = ("lib", "linux-", "gcc-", "golang-google-api-dev", "golang-google-cloud-dev")
SOURCES: Final = Path(__file__).parent / "go"
ROOT: Final = Path(__file__).parents[2]
PROTOS: Final = ROOT / "core" / "rpc" / "pb"
# the messages that grpc-go has linked in itself, and those that no program here speaks of
GOOGLE: Final = "google.golang.org/genproto/googleapis/"
FOREIGN: Final = {"rpc": GOOGLE + "rpc/status", "api/expr/v1alpha1": GOOGLE + "api/expr/v1alpha1"}
LEFT_OUT: Final = ("google", "containerd", "etcd")


def binary(name: str) -> Path:
    """The program `name`, built if it was not yet. Raises ToolFailed with what the compiler says."""
    folder, tools, messages = SOURCES / name, toolchain(), _messages()
    sources = sorted(folder.glob("*.go"))
    key = digest((name, tools.name, messages.name, tree_digest(folder, sources)))

    def make(target: Path) -> None:
        run([_go(tools), "build", "-o", target / name, *sources], cwd=folder, env=_env(tools, messages))

    return Cache(CACHE).step("go-programs", key, make) / name


def toolchain() -> Path:
    """The folder of the packages' files."""
    return debian.collected("go", PACKAGES, unused=UNUSED)


def version(package: str) -> str:
    """The upstream version of a package of the toolchain."""
    return debian.version(toolchain(), package)


def _messages() -> Path:
    """A GOPATH with our .proto files as Go packages."""
    tools = toolchain()
    protos = [p for p in PROTOS.rglob("*.proto") if p.relative_to(PROTOS).parts[0] not in LEFT_OUT]

    def make(folder: Path) -> None:
        (folder / "src").mkdir()
        plugins = [f"--plugin={tools}/usr/bin/protoc-gen-{plugin}" for plugin in ("go", "go-grpc")]
        outputs = [
            f"--{plugin}_{part}"
            for plugin in ("go", "go-grpc")
            for part in (f"out={folder / 'src'}", *(f"opt=M{name}={package}" for name, package in _packages()))
        ]
        run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *plugins, *outputs, *_names(protos)], cwd=ROOT)

    return Cache(CACHE).step("go-messages", digest((tools.name, tree_digest(ROOT, protos))), make, keep=4)


def _packages() -> Iterable[tuple[str, str]]:
    """Each .proto file's name, and the Go package it is."""
    for proto in sorted(PROTOS.rglob("*.proto")):
        place = proto.parent.relative_to(PROTOS)
        foreign = FOREIGN.get(str(place.relative_to("google"))) if place.parts[0] == "google" else None
        yield str(proto.relative_to(ROOT)), foreign or f"ichor/{place}"


def _names(protos: Iterable[Path]) -> list[str]:
    return sorted(str(proto.relative_to(ROOT)) for proto in protos)


def _go(tools: Path) -> Path:
    return next(tools.glob("usr/lib/go-*/bin/go"))


def _env(tools: Path, messages: Path) -> dict[str, str]:
    return environment(_go(tools).parents[1], f"{messages}:{tools}/usr/share/gocode")


def environment(root: Path, path: str) -> dict[str, str]:
    """What Go is told: everything comes from these folders (GOROOT, GOPATH); no modules, no network, nothing of the
    machine's own Go, and nothing of where it ran in what it makes."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(CACHE),
        "GOROOT": str(root),
        "GOPATH": path,
        "GOCACHE": str(CACHE / "go-build"),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOFLAGS": "-trimpath -buildvcs=false",
        "GOTELEMETRY": "off",
        "CGO_ENABLED": "0",
    }
