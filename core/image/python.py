"""The interpreter's part of the image: the standard library and the packages compiled once, our own code compiled when
it changes, and of the first two only the modules that importing all of ours takes (plus python.txt)."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.image import listing
from core.image.cache import Cache, digest, tree_digest
from core.image.entry import Entry, file
from core.image.lock import Lock
from core.image.packages import Store
from core.image.root import Root

LIBRARY: Final = "usr/lib/python3.13"
SITE: Final = f"{LIBRARY}/site-packages"
OURS: Final = "usr/lib/ichor"
PLACE: Final = "ichor/lib"
PACKAGES: Final = ("core", "ext", "daemons")
OPERATOR: Final = ("core/image", "core/provision", "core/cli")
_STDLIB: Final = ("libpython3.13-minimal", "libpython3.13-stdlib")
_DEBIAN: Final = ("python3-cryptography", "python3-cffi-backend", "python3-yaml")
_DIST: Final = "usr/lib/python3/dist-packages"
_SUFFIXES: Final = (".pyc", ".so")
_INSIDE: Final = Path(__file__).with_name("inside.py")


@dataclass(frozen=True, slots=True)
class Library:
    """Compiled modules with the package each folder came from; `minimal` is what of the standard library the lesser of
    its two packages holds."""

    folder: Path
    packages: dict[str, str]
    minimal: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Trace:
    """Names of loaded modules, and why each of ours that cannot be imported cannot."""

    modules: list[str]
    failed: dict[str, str]


def run_inside(root: Root, job: object, binds: dict[str, Path]) -> bytes:
    """inside.py in the build root's interpreter, with the root's environment for its hash seed and without site."""
    tool = {"in": _INSIDE.parent, **binds}
    command = ["python3.13", "-s", "-S", "-P", "/mnt/in/inside.py"]
    return root.run(command, tool, data=json.dumps(job).encode())


def library(cache: Cache, root: Root, store: Store, lock: Lock) -> Library:
    """The whole standard library and all packages, compiled; under lib/ and site/, a folder for each package there."""
    stdlib = [lock.pin("image", name) for name in _STDLIB]
    debian = [lock.pin("image", name) for name in _DEBIAN]
    wheels = lock.section("wheel")
    store.fetch([*stdlib, *debian])
    store.fetch_wheels(wheels)

    def fill(folder: Path) -> None:
        for pin in (*stdlib, *debian, *wheels):
            place = {**dict.fromkeys(stdlib, LIBRARY), **dict.fromkeys(debian, _DIST)}.get(pin, "")
            shelf = "lib" if pin in stdlib else f"site/{pin.name}"
            _compile(root, store.unpacked(pin) / place, folder / shelf, LIBRARY if pin in stdlib else SITE)

    needless = (line for line, _ in listing.read("needless.txt"))
    key = digest((root.name, _INSIDE.read_bytes(), *needless, *(p.sha256 for p in (*stdlib, *debian, *wheels))))
    folder = cache.step("library", key, fill, keep=3)
    minimal = store.unpacked(stdlib[0]) / LIBRARY
    names = frozenset(path.relative_to(minimal).with_suffix("") for path in minimal.rglob("*") if path.is_file())
    return Library(folder, {pin.name: pin.name for pin in (*debian, *wheels)}, names)


def ours(cache: Cache, root: Root, tree: Path) -> Path:
    """Our own modules that run on a node, compiled, at their places in the tree."""
    sources = list(own_sources(tree))

    def fill(folder: Path) -> None:
        with_sources = folder / "src"
        for source in sources:
            target = with_sources / source.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        _compile(root, with_sources, folder / "out", OURS)

    return cache.step("ours", digest((root.name, _INSIDE.read_bytes(), tree_digest(tree, sources))), fill)


def own_sources(tree: Path) -> Iterator[Path]:
    """The .py files that run on a node."""
    for package in PACKAGES:
        for path in sorted((tree / package).rglob("*.py")):
            name = str(path.relative_to(tree))
            if not name.startswith(tuple(f"{folder}/" for folder in OPERATOR)) and not path.name.startswith("build_"):
                yield path


def trace(cache: Cache, root: Root, library: Library, own: Path, native: Sequence[Path]) -> Trace:
    """What importing all of our code takes."""
    banned = [name for name, _ in listing.read("banned.txt")]
    work_key = digest((library.folder.name, own.name, *(folder.name for folder in native), *banned))

    def fill(folder: Path) -> None:
        tree = folder / "tree"
        shutil.copytree(own / "out", tree)
        for unit in native:
            shutil.copytree(unit, tree, dirs_exist_ok=True)
        site = [f"/mnt/lib/site/{name}" for name in library.packages]
        job = {
            "paths": ["/mnt/src", "/mnt/lib/lib", "/mnt/lib/lib/lib-dynload", *site],
            "modules": sorted(_modules(tree)),
            "sources": "/mnt/own/src",
            "banned": banned,
        }
        names = run_inside(root, {"trace": job}, {"src": tree, "lib": library.folder, "own": own})
        (folder / "modules.json").write_bytes(names)
        shutil.rmtree(tree)

    found = json.loads((cache.step("trace", work_key, fill) / "modules.json").read_bytes())
    return Trace(found["modules"], found["failed"])


def select(library: Library, traced: Sequence[str]) -> Iterator[Entry]:
    """The entries of the library's modules that are traced or listed."""
    wanted = set(traced)
    listed = listing.patterns("python.txt")
    banned = {name for name, _ in listing.read("banned.txt")}
    shelves = [("lib", LIBRARY, "python", _STDLIB[1])]
    shelves += [(f"site/{name}", SITE, _group(name), name) for name in library.packages]
    for shelf, place, group, package in shelves:
        folder = library.folder / shelf
        for path in _files(folder):
            name = module_name(path.relative_to(folder))
            reason = next((why for pattern, why in listed if pattern.fullmatch(name)), "")
            if name.partition(".")[0] in banned:
                continue
            if name in wanted or reason or _holds_wanted(path, name, wanted):
                below, why = path.relative_to(folder), reason or "imported by our code"
                lesser = shelf == "lib" and below.with_suffix("") in library.minimal
                yield file(f"{place}/{below}", path, group, _STDLIB[0] if lesser else package, why, mode=_mode(path))


def own_entries(own: Path, native: Sequence[Path]) -> Iterator[Entry]:
    """Our own modules, Python and native."""
    for base in (own / "out", *native):
        for path in _files(base):
            name = path.relative_to(base)
            if name.parts[0] in PACKAGES:
                yield file(f"{PLACE}/{name}", path, "ichor", "ichor", "the node", mode=_mode(path))


def module_name(path: Path) -> str:
    """The module a .pyc or .so below a search path is."""
    parts = list(path.with_name(path.name.partition(".")[0]).parts)
    if parts[0] == "lib-dynload":
        del parts[0]
    if parts[-1] == "__init__":
        del parts[-1]
    return ".".join(parts)


def _holds_wanted(path: Path, name: str, wanted: set[str]) -> bool:
    return path.name.startswith("__init__.") and any(other.startswith(f"{name}.") for other in wanted)


def _compile(root: Root, source: Path, target: Path, prefix: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    run_inside(root, {"compile": [["/mnt/src", "/mnt/out", f"/{prefix}"]]}, {"src": source, "out": target})
    for path in sorted(source.rglob("*.so")):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    for line, _ in listing.read("needless.txt"):
        module, soname = line.split()
        if (target / module).exists():
            root.run(["patchelf", "--remove-needed", soname, f"/mnt/out/{module}"], {"out": target})
    root.run(["find", "/mnt/out", "-name", "*.so", "-exec", "strip", "--strip-unneeded", "{}", "+"], {"out": target})


def _modules(tree: Path) -> Iterator[str]:
    for path in _files(tree):
        if path.relative_to(tree).parts[0] in PACKAGES:
            yield module_name(path.relative_to(tree))


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file())


def _mode(path: Path) -> int:
    return 0o755 if path.suffix == ".so" else 0o644


def _group(package: str) -> str:
    return package.removeprefix("python3-").lower()
