"""From a lock and the checkout to the tree of entries that becomes the image, with the kernel that goes beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.base import release
from core.base.errors import Invalid
from core.image import collect, manifest, modules, native, python, root
from core.image.cache import Cache
from core.image.entry import Tree, file
from core.image.lock import Lock
from core.image.packages import Store

PROGRAMS: Final = {
    "imagecheck": "ichor/libexec/imagecheck",
    "init": "ichor/sbin/init",
    "launch": "ichor/libexec/launch",
    "prism": "ichor/libexec/prism",
}


@dataclass(frozen=True, slots=True)
class Assembly:
    """All that an image holds; `init` is PID 1's program, `listing` is files.json."""

    tree: Tree
    inside: root.Root
    kernel: modules.Kernel
    init: Path
    listing: bytes


def assemble(checkout: Path, cache: Cache, locked: Lock, flavour: str) -> Assembly:
    """Collect everything. Raises NotFound for what lock or mirror lacks, Invalid for code that does not load."""
    store = Store(cache)
    store.fetch(locked.section("image", flavour, "root"))
    inside = root.make(cache, store, locked)
    kernel = modules.kernel(cache, inside, store, locked, flavour)
    units = native.build_all(cache, inside, checkout)
    packages = collect.Packages(cache, inside, store, locked)
    tree = Tree()
    for entry in collect.listed(packages, release.TAG):
        tree.add(entry)
    _add_ours(tree, cache, inside, store, locked, checkout, units)
    collect.closure(packages, tree)
    for entry in kernel.entries():
        tree.add(entry)
    listing = _describe(tree, locked, kernel)
    return Assembly(tree, inside, kernel, _program(units, "init"), listing)


def _add_ours(
    tree: Tree, cache: Cache, inside: root.Root, store: Store, locked: Lock, checkout: Path, units: dict[str, Path]
) -> None:
    library = python.library(cache, inside, store, locked)
    own = python.ours(cache, inside, checkout)
    natives = [folder for unit, folder in units.items() if unit not in PROGRAMS]
    traced = python.trace(cache, inside, library, own, natives)
    if traced.failed:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in traced.failed.items())
        raise Invalid(f"these modules cannot be imported in the image:{reasons}")
    for entry in (*python.select(library, traced.modules), *python.own_entries(own, natives)):
        tree.add(entry)
    for name, place in PROGRAMS.items():
        tree.add(file(place, _program(units, name), "ichor", "ichor", f"ext/{name}", mode=0o755))


def _program(units: dict[str, Path], name: str) -> Path:
    return units[name] / "_out" / "programs" / name


def _describe(tree: Tree, locked: Lock, kernel: modules.Kernel) -> bytes:
    """Add what the image says about itself; the list comes last, and lists itself without its hash."""
    bill = manifest.sbom(tree, locked, kernel.pin, release.TAG)
    tree.add(file(manifest.VERSION, f"{release.TAG}\n".encode(), "base", "ichor", "which release this is"))
    tree.add(file(manifest.SBOM, bill, "base", "ichor", "packages in the image"))
    tree.add(file(manifest.FILES, b"", "base", "ichor", "this list"))
    listing = manifest.files(tree)
    tree.replace(file(manifest.FILES, listing, "base", "ichor", "this list"))
    return listing
