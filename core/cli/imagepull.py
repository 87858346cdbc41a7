"""`image pull`: have nodes fetch an image. How far they are stands on one line that is written over again and again,
where somebody looks at it; otherwise only what came of it is said."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import click

from core.base.text import printable
from core.base.units import format_size
from core.cli.images import instance, namespace_option
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import image_pb2 as pb

Layers = Mapping[str, pb.ImageServicePullLayerProgress]
_Layer = pb.ImageServicePullLayerProgress
_DONE: Final = frozenset((_Layer.EXTRACT_COMPLETE, _Layer.ALREADY_EXISTS))


@click.command("pull")
@click.argument("name")
@namespace_option
@node_options()
def pull_image(name: str, namespace: str, nodes: Nodes) -> int:
    """Have the nodes fetch the image NAME."""
    board = Board()

    async def pull(node: Node) -> None:
        note(f"{node.name}: pulled {printable(await pulled(node, namespace, name, board))}")

    return nodes.each(pull)


async def pulled(node: Node, namespace: str, name: str, board: "Board") -> str:
    """The name under which the node has the image from now on."""
    request = pb.ImageServicePullRequest(containerd=instance(namespace), image_ref=name)
    layers: dict[str, pb.ImageServicePullLayerProgress] = {}
    known = ""
    with board.place(node.name) as show:
        async for item in node.stream("machine.ImageService/Pull", request, pb.ImageServicePullResponse):
            if item.name:
                known = item.name
            else:
                layers[item.pull_progress.layer_id] = item.pull_progress.progress
                show(summary(layers))
    return known


def summary(layers: Layers) -> str:
    """How far one node is: bytes that are here of those known of, and layers unpacked."""
    here, total = (sum(getattr(layer, name) for layer in layers.values()) for name in ("offset", "total"))
    done = sum(layer.status in _DONE for layer in layers.values())
    return f"{format_size(here)} of {format_size(total)}, {done} of {len(layers)} layers unpacked"


class Board:
    """The line, if a terminal shows it: what each node does that is not done yet."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._shows = sys.stderr.isatty()

    @contextmanager
    def place(self, node: str) -> Iterator[Callable[[str], None]]:
        """A node's place on the line while the block lasts; call it with what to show there."""

        def show(text: str) -> None:
            self._said[node] = text
            self._draw()

        try:
            yield show
        finally:
            self._said.pop(node, None)
            self._draw()

    def _draw(self) -> None:
        if self._shows:
            line = "   ".join(f"{name}: {said}" for name, said in self._said.items())
            click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", err=True, nl=False)
