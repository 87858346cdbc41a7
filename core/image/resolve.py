"""From names to pins: asks the mirror and the package index for what image.lock then fixes. Owns no file."""

import time
import tomllib
from pathlib import Path
from typing import Final

from core.image import wheels
from core.image.apt import Apt
from core.image.lock import Lock

PACKAGES: Final = Path(__file__).with_name("data") / "packages.txt"
META: Final = {"cloud": "linux-image-cloud-amd64", "server": "linux-image-amd64"}


def wanted() -> dict[str, list[str]]:
    """Names by section, from packages.txt (`section name...`)."""
    found: dict[str, list[str]] = {}
    for line in PACKAGES.read_text().splitlines():
        section, *names = line.partition("#")[0].split() or [""]
        found.setdefault(section, []).extend(names)
    return found


def resolve(tree: Path, apt: Apt) -> Lock:
    """A new lock from what the mirror offers now."""
    apt.update()
    names = wanted()
    versions = _requirements(tree)
    pins = apt.candidates("image", names["image"]) + apt.closure("root", names["root"])
    for section, meta in META.items():
        pins += [
            pin for pin in apt.closure(section, [meta]) if pin.name.startswith("linux-image-") and pin.name != meta
        ]
    for section in ("wheel", "tool"):
        pins += wheels.resolve(section, [f"{name}=={versions[name.lower()]}" for name in names[section]])
    return Lock(int(time.time()), tuple(pins))


def _requirements(tree: Path) -> dict[str, str]:
    """Versions by name of all that pyproject.toml pins, so that the image and the tests run the same."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())
    metadata = project["project"]
    groups = (metadata["dependencies"], *metadata["optional-dependencies"].values())
    pairs = (requirement.split("==") for group in groups for requirement in group)
    return {name.lower(): version for name, version in pairs}
