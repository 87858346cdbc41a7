"""Our native code for the image: every unit of ext/ compiled inside the build root by the tree's own setup.py, one
step a unit, so that a change of one compiles one. Flags are fixed here so that equal sources give equal bytes."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from core.image.cache import Cache, digest, tree_digest
from core.image.root import Root
from core.image.tools import ToolFailed

PROGRAMS: Final = ("imagecheck", "init", "launch", "prism")
_BORROWED: Final = {"imagecheck": "verity"}  # whose C a program is linked with
_SHARED: Final = (".pxd", ".pxi", ".h")
_SOURCES: Final = (*_SHARED, ".pyx", ".py")
_FLAGS: Final = {
    "CFLAGS": "-O2 -g0 -ffile-prefix-map=/mnt/src=. -fno-plt",
    "LDFLAGS": "-Wl,--build-id=none -Wl,-z,relro,-z,now",
    "SOURCE_DATE_EPOCH": "1",
}
_STEPS: Final = {name: ["build_programs"] for name in PROGRAMS}
_BUILD: Final = """
cd /mnt/src
python3.13 setup.py -q "$@"
find . -name '*.so' -exec strip --strip-unneeded {} +
[ ! -d _out ] || strip --strip-all _out/programs/*
rm -rf build
"""


def units(tree: Path) -> list[str]:
    """Folders of ext/ that hold something to compile."""
    return sorted(
        folder.name
        for folder in (tree / "ext").iterdir()
        if any(folder.glob("*.c" if folder.name in PROGRAMS else "*.pyx")) or any(folder.glob("build_*.py"))
    )


def build_all(cache: Cache, root: Root, tree: Path) -> dict[str, Path]:
    """`build` of every unit, as many at a time as this machine has processors."""
    names = units(tree)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(lambda name: build(cache, root, tree, name), names), strict=True))


def build(cache: Cache, root: Root, tree: Path, unit: str) -> Path:
    """A folder with the unit's stripped products at their places in the tree (`ext/<unit>/x.so`, `_out/programs/init`).
    Raises ToolFailed with the compiler's words."""
    sources = [tree / "setup.py", *_sources(tree, unit)]

    def fill(folder: Path) -> None:
        work = folder / "work"
        for source in sources:
            target = work / source.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        try:
            steps = _STEPS.get(unit, ["build_ext", "--inplace"])
            root.run(["sh", "-euc", _BUILD, "build", *steps], {"src": work}, env=_FLAGS)
        except ToolFailed as error:
            raise ToolFailed(f"ext/{unit} does not compile for the image: {error.message}") from None
        for product in _products(work, unit):
            target = folder / product.relative_to(work)
            target.parent.mkdir(parents=True, exist_ok=True)
            product.rename(target)
        shutil.rmtree(work)

    key = digest((root.name, repr(_FLAGS), _BUILD, tree_digest(tree, sources)))
    return cache.step("native", f"{unit}-{key}", fill, keep=80)


def products(folder: Path) -> Iterator[Path]:
    """The files in a folder made by `build`."""
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _products(work: Path, unit: str) -> list[Path]:
    if unit in PROGRAMS:
        return [work / "_out" / "programs" / unit]
    return sorted((work / "ext" / unit).glob("*.so"))


def _sources(tree: Path, unit: str) -> Iterator[Path]:
    """The unit's own sources (what Cython and cffi generated beside them is not), and what any unit may include."""
    for path in sorted(p for p in (tree / "ext").rglob("*") if p.is_file()):
        owner = path.relative_to(tree / "ext").parts[0]
        native = path.name.startswith("native_")
        written = path.suffix == ".c" and (unit in PROGRAMS or native)
        package = path.name == "__init__.py"
        borrowed = owner == _BORROWED.get(unit) and native
        if path.suffix in _SHARED or package or borrowed or (owner == unit and (path.suffix in _SOURCES or written)):
            yield path
