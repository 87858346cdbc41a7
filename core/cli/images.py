"""`image list`, `import` and `remove`: the container images of nodes."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import click
from google.protobuf.empty_pb2 import Empty

from core.base.units import format_size
from core.cli.asking import plain
from core.cli.output import emit_json, note, output_option, table
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import image_pb2 as pb

_PIECE = 1 << 18
INSTANCES = {
    "cri": (common_pb2.CRI, common_pb2.NS_CRI),
    "system": (common_pb2.CRI, common_pb2.NS_SYSTEM),
    "inmem": (common_pb2.CONTAINERD, common_pb2.NS_SYSTEM),
}
namespace_option = click.option(
    "--namespace",
    type=click.Choice(tuple(INSTANCES)),
    callback=lambda context, _, value: value or context.obj or "cri",
    help="whose images  [default: cri]",
)


def instance(name: str) -> common_pb2.ContainerdInstance:
    """The namespace as the calls name it."""
    driver, namespace = INSTANCES[name]
    return common_pb2.ContainerdInstance(
        driver=common_pb2.ContainerDriver.Name(driver), namespace=common_pb2.ContainerdNamespace.Name(namespace)
    )


@click.command("list")
@namespace_option
@node_options()
@output_option("table", "json")
def list_images(namespace: str, nodes: Nodes, output: str) -> int:
    """List the images of the nodes."""
    request = pb.ImageServiceListRequest(containerd=instance(namespace))

    async def ask(node: Node) -> list[pb.ImageServiceListResponse]:
        return [i async for i in node.stream("machine.ImageService/List", request, pb.ImageServiceListResponse)]

    answers = nodes.run(ask)
    if output == "json":
        emit_json([{"node": name, "images": [plain(image) for image in found]} for name, found in answers])
    else:
        rows = [
            (name, image.name, image.digest, format_size(image.size), image.created_at.ToJsonString())
            for name, found in answers
            for image in found
        ]
        table(("node", "image", "digest", "size", "created"), rows)
    return 0 if len(answers) == len(nodes.names) else 1


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@namespace_option
@node_options()
def import_image(file: Path, namespace: str, nodes: Nodes) -> int:
    """Give the nodes the image in FILE, an OCI layout as a tar."""

    async def send(node: Node) -> None:
        note(f"{node.name}: imported {await imported(node, namespace, file)}")

    return nodes.each(send)


async def imported(node: Node, namespace: str, file: Path) -> str:
    """The name of the image in the file, which the node has from now on."""

    async def pieces() -> AsyncIterator[pb.ImageServiceImportRequest]:
        yield pb.ImageServiceImportRequest(containerd=instance(namespace))
        with file.open("rb") as source:
            for piece in iter(partial(source.read, _PIECE), b""):
                yield pb.ImageServiceImportRequest(image_chunk=common_pb2.Data(bytes=piece))

    path, reply = "/machine.ImageService/Import", pb.ImageServiceImportResponse
    done: Any = await node.channel.client_stream(path, pieces(), reply, node.metadata)
    return str(done.name)


@click.command("remove")
@click.argument("name")
@namespace_option
@node_options()
def remove_image(name: str, namespace: str, nodes: Nodes) -> int:
    """Remove the image NAME from the nodes."""
    request = pb.ImageServiceRemoveRequest(containerd=instance(namespace), image_ref=name)

    async def remove(node: Node) -> None:
        await node.unary("machine.ImageService/Remove", request, Empty)

    return nodes.each(remove)
