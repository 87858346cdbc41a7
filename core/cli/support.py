"""`support`: all that may be looked at to understand what is wrong with nodes, in one zip, without secrets. A node or a
question that fails is noted in it and keeps nothing else out."""

import asyncio
import io
import time
import zipfile
from pathlib import Path
from typing import Final

import click

from core.base.clock import SystemClock
from core.base.errors import IchorError, Invalid, NotFound
from core.base.files import write_atomic
from core.base.release import TAG
from core.base.text import printable
from core.cli.collect import collectors, file_name
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.codec import bech32
from core.rpc.status import Code, RpcError

PATIENCE: Final = 60.0  # seconds for one question
FIRST: Final = "version"  # a node that does not answer this one is not asked the others


@click.command(name="support")
@click.option("-O", "--output", default="support.zip", show_default=True, metavar="FILE", help="where to write")
@click.option("-w", "--num-workers", "workers", type=click.IntRange(1), default=1, help="questions to a node at once")
@click.option("-v", "--verbose", is_flag=True, help="say of each question when it is answered")
@click.option("--encryption-recipients", "recipients", multiple=True, metavar="AGE1...", help="who may read it, by age")
@click.option("--encryption-no-default-recipients", is_flag=True, expose_value=False, help="accepted: there are none")
@click.option("--no-encryption", is_flag=True, help="for everybody to read, as it is without recipients")
@node_options(insecure=True)
def command(
    output: str, workers: int, verbose: bool, recipients: tuple[str, ...], no_encryption: bool, nodes: Nodes
) -> int:
    """Collect logs, resources and states of the nodes into a zip for whoever helps. No secrets are in it."""
    if no_encryption and recipients:
        raise click.UsageError("--no-encryption and --encryption-recipients exclude each other")
    keys = [_recipient(text) for text in recipients]
    path = Path(output)
    if path.exists():
        click.confirm(f"Replace {path}?", abort=True, err=True)
    bundle = Bundle(workers, verbose)
    nodes.run(bundle.collect)
    if not bundle.counts:
        raise NotFound("\n".join(bundle.errors))
    write_atomic(path, _sealed(bundle.finish(), keys))
    note(
        f"wrote {path}" + (f"; {len(bundle.errors)} questions were not answered, see errors.txt" * bool(bundle.errors))
    )
    return 0


class Bundle:
    """The zip while it is made. `errors`: what could not be had; `counts`: how many files there are of a node."""

    def __init__(self, workers: int, verbose: bool) -> None:
        self.errors: list[str] = []
        self.counts: dict[str, int] = {}
        self._workers, self._verbose = workers, verbose
        self._data = io.BytesIO()
        self._zip = zipfile.ZipFile(self._data, "w", zipfile.ZIP_DEFLATED)
        self._date = time.gmtime(SystemClock().now())[:6]

    async def collect(self, node: Node) -> None:
        """All of one node; never raises for what a node does."""
        if not await self._ask(node, FIRST):
            return
        turns = asyncio.Semaphore(self._workers)

        async def ask(what: str) -> None:
            async with turns:
                await self._ask(node, what)

        async with asyncio.TaskGroup() as group:
            for what in collectors():
                if what != FIRST:
                    group.create_task(ask(what))
        note(f"{node.name}: {self.counts.get(node.name, 0)} files")

    def finish(self) -> bytes:
        """The zip's bytes, with what was not answered and what there is."""
        lines = [f"made {time.strftime('%Y-%m-%dT%H:%M:%SZ', (*self._date, 0, 0, 0))} by ichorctl {TAG}"]
        lines += [f"{printable(name)}: {count} files" for name, count in self.counts.items()]
        lines.append(f"{len(self.errors)} questions were not answered")
        self._write("summary.txt", lines)
        self._write("errors.txt", self.errors)
        self._zip.close()
        return self._data.getvalue()

    async def _ask(self, node: Node, what: str) -> bool:
        """Whether the node is there; that it has no answer is noted."""
        try:
            async with asyncio.timeout(PATIENCE):
                await collectors()[what](node, lambda name, data: self._put(node.name, name, data))
        except TimeoutError:
            self._note(node.name, what, f"no answer within {PATIENCE:g} s")
            return False
        except RpcError as error:
            self._note(node.name, what, str(error))
            return error.code is not Code.UNAVAILABLE
        except IchorError as error:  # what came was not what it should be
            self._note(node.name, what, str(error))
        else:
            if self._verbose:
                note(f"{node.name}: {what}")
        return True

    def _put(self, node: str, name: str, data: bytes) -> None:
        self.counts[node] = self.counts.get(node, 0) + 1
        self._add(f"{file_name(node)}/{name}", data)

    def _note(self, node: str, what: str, trouble: str) -> None:
        self.errors.append(printable(f"{node}: {what}: {trouble}"))
        note(f"error: {self.errors[-1]}")

    def _write(self, name: str, lines: list[str]) -> None:
        self._add(name, "".join(f"{line}\n" for line in lines).encode())

    def _add(self, name: str, data: bytes) -> None:
        entry = zipfile.ZipInfo(name, self._date)
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, data)


def _recipient(text: str) -> bytes:
    """The public key of `age1...`. Raises Invalid."""
    remedy = "give what `age-keygen -y` prints: age1..."
    try:
        prefix, key = bech32.decode(text)
    except Invalid as error:
        raise Invalid(f"{printable(text[:80])} is no recipient: {error.message}", remedy=remedy) from None
    if prefix != "age" or len(key) != 32:
        raise Invalid(f"{printable(text[:80])} is no recipient", remedy=remedy)
    return key


def _sealed(data: bytes, recipients: list[bytes]) -> bytes:
    if not recipients:
        return data
    from core.pki import age  # loads `cryptography`, which nobody needs who names no recipient

    return age.seal(data, recipients)
