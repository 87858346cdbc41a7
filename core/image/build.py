"""The build: from image.lock and the tree to the image, its kernel and its initramfs. Every step is cached by what goes
into it, and nothing is written to the output folder unless it differs."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.base.errors import Invalid, NotFound
from core.base import release
from core.base.files import write_atomic
from core.image import collect, initramfs, keys, lock, manifest, modules, native, python, resolve, root, seal, sizes, squash
from core.image.cache import Cache, digest, file_digest, tree_digest
from core.image.entry import Tree, file
from core.image.packages import Store
from core.image.python import OPERATOR
from core.pki import signing

ARCH: Final = "x86_64"
PROGRAMS: Final = {"init": "ichor/sbin/init", "launch": "ichor/libexec/launch"}
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What to build and where: `tree` is the checkout, `out` receives the files, `cache` is kept between builds. With
    `relock` a lock whose versions the mirror lost is replaced by image.lock.local. `key` is a release key's file;
    without it this machine's development key signs. `date` overrides the lock's."""

    tree: Path
    cache: Path
    out: Path | None = None
    flavour: str = "cloud"
    relock: bool = False
    key: Path | None = None
    date: int | None = None
    partial: bool = False
    say: Say = field(default=print, compare=False)

    @property
    def target(self) -> Path:
        return (self.out or self.tree / "_out") / ARCH


@dataclass(frozen=True, slots=True)
class Paths:
    """What a build leaves; `public_key` is the raw key that verifies the image."""

    image: Path
    vmlinuz: Path
    initramfs: Path
    sizes: Path
    public_key: bytes


def paths(target: Path, public: bytes) -> Paths:
    names = ("ichor.img", "vmlinuz", "initramfs.cpio.zst", "sizes.json")
    return Paths(*(target / name for name in names), public)


def build(options: Options) -> Paths:
    """Build what the tree says now; nothing is done where nothing has changed. Raises IchorError with the remedy."""
    if options.flavour not in modules.FLAVOURS:
        raise Invalid(f"there is no module flavour {options.flavour!r}", remedy=f"use {' or '.join(modules.FLAVOURS)}")
    cache = Cache(options.cache)
    seed = keys.load(options.key) if options.key else keys.development(options.cache)
    made = paths(options.target, signing.public_key(seed))
    stamp = options.target / "inputs"
    inputs = _inputs(options, seed)
    if stamp.exists() and stamp.read_text() == inputs and all(p.exists() for p in (made.image, made.vmlinuz, made.initramfs)):
        return made
    options.target.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    locked = _locked(options)
    try:
        _assemble(options, cache, locked, seed, made)
    except NotFound as error:
        if not options.relock or "make lock" not in error.remedy:
            raise
        options.say(f"image: {error.message}; resolving anew into image.lock.local")
        _assemble(options, cache, relock(options, local=True), seed, made)
    stamp.write_text(_inputs(options, seed))
    return made


def relock(options: Options, *, local: bool = False) -> lock.Lock:
    """Write image.lock (or image.lock.local) from what the mirror offers now, and say what changed."""
    target = options.tree / ("image.lock.local" if local else "image.lock")
    new = resolve.resolve(options.tree, Store(Cache(options.cache)).apt)
    old = lock.load(target).pins if target.exists() else ()
    for line in lock.changes(old, new.pins):
        options.say(f"  {line}")
    lock.save(target, new)
    return new


def _locked(options: Options) -> lock.Lock:
    local = options.tree / "image.lock.local"
    if options.relock and local.exists():
        options.say("image: built from image.lock.local, not from image.lock; delete it to go back")
        return lock.load(local)
    return lock.load(options.tree / "image.lock")


def _assemble(options: Options, cache: Cache, locked: lock.Lock, seed: bytes, made: Paths) -> None:
    store = Store(cache)
    date = options.date or locked.date
    store.fetch(locked.section("image", options.flavour, "root"))
    inside = root.make(cache, store, locked)
    kernel = modules.kernel(cache, inside, store, locked, options.flavour)
    units = {unit: native.build(cache, inside, options.tree, unit) for unit in native.units(options.tree)}
    tree = _tree(options, cache, store, locked, inside, units)
    for entry in kernel.entries():
        tree.add(entry)
    tree.add(file(manifest.VERSION, f"{release.TAG}\n".encode(), "base", "ichor", "which release this is"))
    tree.add(file(manifest.SBOM, manifest.sbom(tree, locked, kernel.pin, release.TAG), "base", "ichor", "packages in the image"))
    tree.add(file(manifest.FILES, b"", "base", "ichor", "this list"))
    listing = manifest.files(tree)
    tree.replace(file(manifest.FILES, listing, "base", "ichor", "this list"))
    squashfs = squash.squash(cache, inside, tree, date)
    footer = seal.seal(squashfs, made.image, seed, date=date, version=release.TAG, files=manifest.hash_of(listing))
    init = (units["init"] / "_out" / "programs" / "init").read_bytes()
    write_atomic(made.initramfs, initramfs.build(inside, kernel, init, made.public_key), mode=0o644)
    shutil.copyfile(kernel.vmlinuz, made.vmlinuz)
    table = sizes.table(tree, made.image, made.vmlinuz, made.initramfs, footer.data_size)
    write_atomic(made.sizes, json.dumps(table, indent=1).encode(), mode=0o644)
    options.say(sizes.render(table))


def _tree(
    options: Options,
    cache: Cache,
    store: Store,
    locked: lock.Lock,
    inside: root.Root,
    units: dict[str, Path],
) -> Tree:
    packages = collect.Packages(cache, inside, store, locked)
    tree = Tree()
    for entry in collect.listed(packages, release.TAG):
        tree.add(entry)
    library = python.library(cache, inside, store, locked)
    own = python.ours(cache, inside, options.tree)
    natives = [folder for unit, folder in units.items() if unit not in native.PROGRAMS]
    traced = python.trace(cache, inside, library, own, natives)
    if traced.failed:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in traced.failed.items())
        if not options.partial:
            raise Invalid(f"these modules cannot be imported in the image:{reasons}")
        options.say(f"image: these modules cannot be imported in it:{reasons}")
    for entry in (*python.select(library, traced.modules), *python.own_entries(own, natives)):
        tree.add(entry)
    for name, place in PROGRAMS.items():
        program = units[name] / "_out" / "programs" / name
        tree.add(file(place, program, "ichor", "ichor", f"ext/{name}", mode=0o755))
    collect.closure(packages, tree)
    return tree


def _inputs(options: Options, seed: bytes) -> str:
    """One name for all a build reads."""
    local = options.tree / "image.lock.local"
    files = [options.tree / name for name in ("pyproject.toml", "setup.py", "image.lock")]
    files += [local] if options.relock and local.exists() else []
    for folder in ("core", "ext", "daemons"):
        files += [path for path in (options.tree / folder).rglob("*") if _is_input(path.relative_to(options.tree)) and path.is_file()]
    facts = (options.flavour, str(options.date), signing.public_key(seed))
    return digest((*facts, tree_digest(options.tree, files)))


def _is_input(path: Path) -> bool:
    operator = any(path.is_relative_to(folder) for folder in OPERATOR if folder != "core/image")
    return not operator and "__pycache__" not in path.parts and path.suffix not in (".so", ".o", ".html")
