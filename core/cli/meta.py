"""`meta`: values of nodes that outlive every config."""

import click

from core.base.errors import Invalid
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb


@click.group(name="meta")
def command() -> None:
    """Values of a node that outlive its config; `get meta` shows them."""


@command.command()
@click.argument("key")
@click.argument("value")
@node_options(insecure=True)
def write(key: str, value: str, nodes: Nodes) -> int:
    """Set KEY (a number such as 0x0a) to VALUE."""
    request = pb.MetaWriteRequest(key=_number(key), value=value.encode())

    async def one(node: Node) -> None:
        await node.unary("machine.MachineService/MetaWrite", request, pb.MetaWriteResponse)

    return nodes.each(one)


@command.command()
@click.argument("key")
@node_options(insecure=True)
def delete(key: str, nodes: Nodes) -> int:
    """Forget KEY."""
    request = pb.MetaDeleteRequest(key=_number(key))

    async def one(node: Node) -> None:
        await node.unary("machine.MachineService/MetaDelete", request, pb.MetaDeleteResponse)

    return nodes.each(one)


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        number = 0
    if not 0 < number < 256:
        raise Invalid(f"{text} is no key", remedy="keys are 1 to 255, or 0x01 to 0xff")
    return number
