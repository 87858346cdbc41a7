"""`events`: what happens on nodes, as it happens or as it was kept."""

import asyncio
from contextlib import suppress
from typing import Any

import click
from google.protobuf.json_format import MessageToDict

from core.base.units import parse_duration
from core.cli import happenings, lasting
from core.cli.output import emit_line, output_option
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb


@click.command(name="events")
@click.option("--tail", default=0, metavar="N", help="begin with the last N events; -1: with all that were kept")
@click.option("--duration", default="", metavar="TIME", help="begin with those of this time back (10m)")
@click.option("--since", default="", metavar="ID", help="begin behind the event with this id")
@click.option("--actor-id", default="", metavar="ID", help="only those of this actor")
@click.option("--for", "seconds", type=float, default=None, metavar="SECONDS", help="end after this time")
@node_options()
@output_option("text", "json")
def command(
    tail: int, duration: str, since: str, actor_id: str, seconds: float | None, nodes: Nodes, output: str
) -> int:
    """Follow the nodes' events."""
    request = pb.EventsRequest(
        tail_events=tail,
        tail_id=since,
        tail_seconds=int(parse_duration(duration)) if duration else 0,
        with_actor_id=actor_id,
    )

    async def show(node: Node) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for event in lasting.events(node, request):
                    _print(node.name, event, output)

    return nodes.each(show)


def shown(name: str, event: pb.Event) -> dict[str, Any]:
    """An event of the node `name` as plain values."""
    kind, message = happenings.kind(event), happenings.decoded(event)
    fields = MessageToDict(message, preserving_proto_field_name=True) if message is not None else {}
    return {"node": name, "id": event.id, "actorId": event.actor_id, "event": kind, "data": fields}


def _print(name: str, event: pb.Event, output: str) -> None:
    told = shown(name, event)
    if output == "json":
        emit_line(told)
    else:
        said = " ".join(f"{key}={value}" for key, value in told["data"].items())
        click.echo(f"{name}   {event.id}   {event.actor_id or '-'}   {told['event'].removesuffix('Event')}   {said}")
