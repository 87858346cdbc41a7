"""`image`: container images of nodes, and an image file on this machine. Whose key signed that is for the operator to
say; without a word it is this machine's own, which signs what `make image` builds."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from core.cli import images
from core.cli.imagepull import pull_image
from core.cli.nicknames import nickname
from core.cli.output import emit_json, output_option
from core.codec import bundle
from core.image import keys
from core.image.verify import verify as check
from core.pki import signing
from ext import verity


@click.group(name="image")
@click.option("--namespace", type=click.Choice(tuple(images.INSTANCES)), help="whose images of nodes")
@click.pass_context
def command(context: click.Context, namespace: str | None) -> None:
    """Container images of nodes; an image file on this machine."""
    context.obj = namespace


for _verb in (images.list_images, pull_image, images.import_image, images.remove_image):
    command.add_command(_verb)
nickname(command, {"l": images.list_images, "ls": images.list_images, "p": pull_image, "rm": images.remove_image})


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", metavar="FILE", help="raw public key of who must have signed it")
@output_option("text", "json")
def verify(file: Path, key: str | None, output: str) -> None:
    """Check signature, hash tree and every block of FILE."""
    public = public_key(key)
    start = time.perf_counter()
    footer = check(file, public)
    facts = _facts(footer, time.perf_counter() - start)
    if output == "json":
        emit_json({"file": str(file), **facts})
        return
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):<12} {value}")


def public_key(path: str | None) -> bytes:
    """The key to check an image with: of a file, or this machine's development key."""
    return Path(path).read_bytes() if path else signing.public_key(keys.development(cache()))


def cache() -> Path:
    """$ICHOR_CACHE, else ~/.cache/ichor."""
    return Path(os.environ.get("ICHOR_CACHE") or Path.home() / ".cache" / "ichor")


def _facts(footer: bundle.Footer, seconds: float) -> dict[str, object]:
    hashed = footer.data_size + footer.hash_size
    return {
        "root_hash": footer.root_hash.hex(),
        "key": footer.key_id.hex(),
        "version": footer.version,
        "built": datetime.fromtimestamp(footer.build_date, UTC).isoformat(),
        "size": footer.offset + bundle.BLOCK,
        "data_blocks": footer.data_blocks,
        "tree_blocks": footer.hash_size // bundle.BLOCK,
        "kernel": verity.best_kernel(),
        "mb_per_second": round(hashed / seconds / 1e6),
    }
