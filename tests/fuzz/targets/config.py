"""Machine configs: taken or refused with every problem at its place; what is taken can be shown
and says the same after it was written anew."""

from collections.abc import Iterator

from core.codec.yaml import dump_all
from core.config.load import load, read
from core.config.problems import ConfigErrors, Problem
from core.config.redact import redact
from core.config.support import unsupported
from tests.fuzz.target import Target, attempt
from tests.fuzz.targets.yaml_text import configs


def check(data: bytes) -> None:
    breaks = sum(data.count(mark) for mark in (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))
    for problem in _problems(data):
        assert 1 <= problem.line <= breaks + 2 and problem.column >= 1, f"{problem} is beyond the text"
    config = attempt(ConfigErrors, read, data)
    if config is None:
        return
    assert all(path for path in unsupported(config))
    again = read(dump_all(document.tree for document in config.documents))
    assert again.v1alpha1 == config.v1alpha1, "another config after it was written"
    redact(config)


def _problems(data: bytes) -> tuple[Problem, ...]:
    try:
        return load(data).warnings
    except ConfigErrors as error:
        assert error.problems and str(error)
        return error.problems


def seeds() -> Iterator[bytes]:
    yield from list(configs())[::4]
    yield from configs("install-disk", "static-addresses", "time", "files", "registries", "wireguard", "encryption")


TARGET = Target(check, seeds, runs=1500, minutes=5)
