"""Files and patches that verbs take and make. `-` is standard input or output. What is written may hold secrets: mode
0600, whole or absent, never over an existing file unless told."""

from collections.abc import Iterable
from pathlib import Path

import click

from core.base.errors import AlreadyExists
from core.base.files import write_atomic


def read(path: str) -> bytes:
    """A file's content, or standard input's. Raises OSError naming the file."""
    if path == "-":
        return click.get_binary_stream("stdin").read()
    return Path(path).read_bytes()


def write(path: str, data: bytes, *, force: bool) -> None:
    """Write a file, or standard output. Raises AlreadyExists unless `force`."""
    if path == "-":
        click.get_binary_stream("stdout").write(data)
        return
    refuse_existing([path], force=force)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomic(Path(path), data)


def refuse_existing(paths: Iterable[str], *, force: bool) -> None:
    """Raises AlreadyExists for the first that is there, before anything is written."""
    for path in paths:
        if path != "-" and not force and Path(path).exists():
            raise AlreadyExists(f"{path} exists", remedy="give --force to replace it")


def patch(argument: str) -> tuple[bytes, str]:
    """A patch given inline or as @FILE, with a name for errors about it."""
    if argument.startswith("@"):
        return read(argument[1:]), argument[1:]
    return argument.encode(), "patch"


def patched(data: bytes, name: str, patches: Iterable[str]) -> bytes:
    """The machine config `data` with the patches in the order given, checked. Raises ConfigErrors."""
    # the schema is loaded by those verbs alone that need it
    from core.config.load import load, read
    from core.config.merge import merge_text

    config = read(data, name)
    for argument in patches:
        config = read(merge_text(config, *patch(argument)), name)
    return load(config.text, name).text


def split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Values of a flag that may be repeated and may hold commas."""
    return tuple(part for value in values for part in value.split(",") if part)
