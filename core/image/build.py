"""The build: from image.lock and the checkout to the image, its kernel and its initramfs. Every step is cached by what
goes into it, and a build with nothing changed reads the checkout and is done."""

import fcntl
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.base.errors import Invalid, NotFound
from core.base.files import write_atomic
from core.image import initramfs, keys, lock, manifest, modules, resolve, seal, sizes, squash
from core.image.assemble import assemble
from core.image.cache import Cache, digest, tree_digest
from core.image.packages import Store
from core.pki import signing

ARCH: Final = "x86_64"
_ABOUT: Final = ("pyproject.toml", "setup.py", "image.lock")
_MADE: Final = (".so", ".o", ".html", ".pyc")
_ELSEWHERE: Final = ("core/cli", "core/provision")


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
    say: Callable[[str], None] = field(default=print, compare=False)

    @property
    def target(self) -> Path:
        return (self.out or self.tree / "_out") / ARCH

    @property
    def local_lock(self) -> Path:
        return self.tree / "image.lock.local"


@dataclass(frozen=True, slots=True)
class Paths:
    """What a build leaves; `key` holds the 32 raw bytes of the public key that verifies the image."""

    image: Path
    vmlinuz: Path
    initramfs: Path
    sizes: Path
    key: Path

    @classmethod
    def under(cls, target: Path) -> "Paths":
        names = ("ichor.img", "vmlinuz", "initramfs.cpio.zst", "sizes.json", "key.pub")
        return cls(*(target / name for name in names))

    def exist(self) -> bool:
        return all(path.exists() for path in (self.image, self.vmlinuz, self.initramfs, self.sizes, self.key))


def build(options: Options) -> Paths:
    """Build what the checkout says now; two that build into one folder wait for each other. Raises IchorError with the
    remedy, OSError for a key file that cannot be read."""
    if options.flavour not in modules.FLAVOURS:
        raise Invalid(f"there is no module flavour {options.flavour!r}", remedy=f"use {' or '.join(modules.FLAVOURS)}")
    seed = keys.load(options.key) if options.key else keys.development(options.cache)
    options.target.mkdir(parents=True, exist_ok=True)
    with (options.target / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        return _build(options, seed)


def _build(options: Options, seed: bytes) -> Paths:
    made, stamp = Paths.under(options.target), options.target / "inputs"
    if stamp.exists() and stamp.read_text() == _inputs(options, seed) and made.exist():
        return made
    stamp.unlink(missing_ok=True)
    inputs = _inputs(options, seed)
    try:
        _make(options, _locked(options), seed, made)
    except NotFound as error:
        if not options.relock or "make lock" not in error.remedy:
            raise
        options.say(f"image: {error.message}; resolving anew into {options.local_lock.name}")
        _make(options, relock(options, options.local_lock), seed, made)
        inputs = _inputs(options, seed)
    stamp.write_text(inputs)
    return made


def relock(options: Options, target: Path | None = None) -> lock.Lock:
    """Write image.lock (or `target`) from what the mirror offers now, and say what changed."""
    target = target or options.tree / "image.lock"
    new = resolve.resolve(options.tree, Store(Cache(options.cache, options.say)).apt)
    before = target if target.exists() else options.tree / "image.lock"
    old = lock.load(before).pins if before.exists() else ()
    for line in lock.changes(old, new.pins):
        options.say(f"  {line}")
    lock.save(target, new)
    return new


def _locked(options: Options) -> lock.Lock:
    path = options.tree / "image.lock"
    if options.relock and lock.newer(options.local_lock, path):
        options.say(f"image: built from {options.local_lock.name}, not from image.lock; delete it to go back")
        path = options.local_lock
    return lock.load(path)


def _make(options: Options, locked: lock.Lock, seed: bytes, made: Paths) -> None:
    cache, date = Cache(options.cache, options.say), options.date or locked.date
    assembly = assemble(options.tree, cache, locked, options.flavour)
    public, kernel = signing.public_key(seed), assembly.kernel
    squashfs = squash.squash(cache, assembly.inside, assembly.tree, date)
    footer = seal.seal(squashfs, made.image, seed, date=date, files=manifest.hash_of(assembly.listing))
    ramdisk = initramfs.build(cache, assembly.inside, kernel, assembly.init, public)
    table = sizes.table(assembly.tree, made.image, kernel, len(ramdisk), footer.data_size)
    for path, data in (
        (made.initramfs, ramdisk),
        (made.vmlinuz, kernel.vmlinuz.read_bytes()),
        (made.key, public),
        (made.sizes, (json.dumps(table, indent=1) + "\n").encode()),
    ):
        write_atomic(path, data, mode=0o644)
    options.say(sizes.render(table))


def _inputs(options: Options, seed: bytes) -> str:
    """One name for all a build reads."""
    files = [options.tree / name for name in _ABOUT]
    files += [options.local_lock] if options.relock and options.local_lock.exists() else []
    files += _sources(options.tree)
    facts = (options.flavour, str(options.date), signing.public_key(seed))
    return digest((*facts, tree_digest(options.tree, files)))


def _sources(tree: Path) -> Iterator[Path]:
    for folder in ("core", "ext", "daemons"):
        for path in (tree / folder).rglob("*"):
            name = str(path.relative_to(tree))
            if path.is_file() and path.suffix not in _MADE and not name.startswith(_ELSEWHERE):
                yield path
