"""What `gen config` and `cluster create` ask of a new cluster in the same words: its Kubernetes, and where its images
come from."""

import re
from collections.abc import Sequence
from typing import Final

import click

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", re.ASCII)


def version(_context: click.Context, _option: click.Parameter, given: str) -> str:
    """A Kubernetes version without its v."""
    number = given.removeprefix("v")
    if not _VERSION.fullmatch(number):
        raise click.BadParameter(f"{number!r} is not a version such as 1.37.0")
    return number


def mirrors(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Registries (or *, for all others) and where to ask instead, of several REGISTRY=URL."""
    pairs = [mirror.partition("=") for mirror in given]
    if not all(registry and equals and url for registry, equals, url in pairs):
        raise click.BadParameter("write REGISTRY=URL")
    return tuple((registry, url) for registry, _, url in pairs)


registry_mirror = click.option(
    "--registry-mirror",
    "mirrors",
    multiple=True,
    callback=mirrors,
    metavar="REGISTRY=URL",
    help="fetch a registry's images elsewhere",
)
