"""What a config needs on one kind of platform, beyond being valid anywhere."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

from core.config.load import Config
from core.config.problems import Finding, Problem, place


class Mode(StrEnum):
    """Kinds of platform."""

    METAL = "metal"
    CLOUD = "cloud"
    CONTAINER = "container"


def check(config: Config, mode: Mode) -> list[Problem]:
    """Problems, and warnings, in the order of the text."""
    index = next((document.index for document in config.documents if not document.kind), 0)
    findings = [finding for rule in _RULES[mode] for finding in rule(config, index)]
    return sorted(place(findings, config.text, config.name), key=lambda problem: (problem.line, problem.column))


def _disk(config: Config, index: int) -> Iterator[Finding]:
    install = config.v1alpha1.machine.install
    if install is not None and not install.disk and install.disk_selector is None:
        path = (index, "machine", "install")
        yield Finding(path, "needs disk or diskSelector on metal", "such as disk: /dev/sda", at_key=True)


def _no_disk(config: Config, index: int) -> Iterator[Finding]:
    machine = config.v1alpha1.machine
    sections = (
        ("install", machine.install),
        ("disks", machine.disks),
        ("systemDiskEncryption", machine.system_disk_encryption),
    )
    for key, value in sections:
        if value:
            yield Finding((index, "machine", key), "means nothing in a container", at_key=True, warning=True)


_RULES: Final[dict[Mode, tuple[Callable[[Config, int], Iterator[Finding]], ...]]] = {
    Mode.METAL: (_disk,),
    Mode.CLOUD: (),
    Mode.CONTAINER: (_no_disk,),
}
