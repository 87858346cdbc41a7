"""What `make image`, `make lock` and `make up` run: `python -m core.cli.image build|lock`. Not the verb `image`
(core.cli.imagefile), for it needs a checkout. The environment says the rest, as the Makefile's first lines have it."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from core.cli.imagefile import cache as cache_folder
from core.cli.main import run
from core.image import modules
from core.image.build import Options, build, relock


@click.group()
@click.option("--cache", type=click.Path(path_type=Path), default=cache_folder)
@click.option("--key", envvar="ICHOR_IMAGE_KEY", type=click.Path(path_type=Path), help="a release key's file")
@click.option("--flavour", envvar="FLAVOUR", type=click.Choice(list(modules.FLAVOURS)), default="cloud")
@click.option("--date", envvar="SOURCE_DATE_EPOCH", type=int, help="another build date than the lock's")
@click.pass_context
def command(ctx: click.Context, cache: Path, key: Path | None, flavour: str, date: int | None) -> None:
    """The image of this checkout."""
    ctx.obj = Options(Path.cwd(), cache, flavour=flavour, key=key, date=date)


@command.command("build")
@click.option("--relock", "again", is_flag=True, help="resolve anew when the mirror lost a locked version")
@click.pass_obj
def _build(options: Options, again: bool) -> None:
    """Build image, kernel and initramfs into _out."""
    build(replace(options, relock=again))


@command.command("lock")
@click.pass_obj
def _lock(options: Options) -> None:
    """Resolve image.lock anew."""
    relock(options)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], command, "core.cli.image"))
