"""Python packages from the machine's package index through pip, for the image's interpreter, pinned by hash."""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zipfile import ZipFile

from core.base.errors import NotFound
from core.image.cache import file_digest
from core.image.lock import Pin
from core.image.tools import ToolFailed, run

_PIP: Final = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
_TARGET: Final = ["--only-binary=:all:", "--implementation=cp", "--python-version=3.13"]
_ABIS: Final = ["--abi=cp313", "--abi=abi3", "--abi=none"]
_PLATFORMS: Final = ["--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64", "--platform=any"]
# what pip says of a version that is not there, and of one that is another than was locked
_GONE: Final = re.compile(r"No matching distribution|DO NOT MATCH THE HASHES")
_LOCK: Final = "run `make lock` to move to what it has"


def resolve(section: str, requirements: Sequence[str]) -> list[Pin]:
    """Pins of `name==version` requirements, by downloading them once."""
    with TemporaryDirectory() as name:
        run([*_PIP, *_TARGET, *_ABIS, *_PLATFORMS, "--dest", name, *requirements])
        found = {_name(path): path for path in Path(name).iterdir()}
        return [
            Pin(section, project, version, file_digest(found[_normal(project)]))
            for project, version in (requirement.split("==") for requirement in requirements)
        ]


def fetch(pins: Iterable[Pin], store: Path) -> None:
    """Bring the wheels that `store` lacks, as `<sha256>.whl`; pip itself requires the locked hash."""
    store.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in pins if not (store / f"{pin.sha256}.whl").exists()]
    if not missing:
        return
    with TemporaryDirectory(dir=store) as name:
        required = Path(name) / "requirements"
        required.write_text("".join(f"{pin.name}=={pin.version} --hash=sha256:{pin.sha256}\n" for pin in missing))
        locked: list[str | Path] = ["--require-hashes", "--dest", name, "--requirement", required]
        try:
            run([*_PIP, *_TARGET, *_ABIS, *_PLATFORMS, *locked])
        except ToolFailed as error:
            if not _GONE.search(error.message):
                raise
            names = ", ".join(map(str, missing))
            raise NotFound(f"the package index has not what image.lock names of {names}", remedy=_LOCK) from None
        for path in Path(name).glob("*.whl"):
            path.rename(store / f"{file_digest(path)}.whl")


def unpack(wheel: Path, folder: Path) -> None:
    """A wheel's files below `folder`."""
    with ZipFile(wheel) as archive:
        archive.extractall(folder)


def _name(path: Path) -> str:
    return _normal(path.name.partition("-")[0])


def _normal(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()
