"""`service`: the services of nodes, one of them in detail, and starting and stopping those that may be."""

from typing import Any, Final

import click
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict

from core.base.clock import SystemClock
from core.base.errors import NotFound
from core.base.units import format_duration
from core.cli.output import emit_json, output_option, table
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_ACTIONS: Final[dict[str, tuple[str, Any, Any]]] = {
    "start": ("ServiceStart", pb.ServiceStartRequest, pb.ServiceStartResponse),
    "stop": ("ServiceStop", pb.ServiceStopRequest, pb.ServiceStopResponse),
    "restart": ("ServiceRestart", pb.ServiceRestartRequest, pb.ServiceRestartResponse),
}


@click.command(name="service")
@click.argument("name", required=False, default="")
@click.argument("action", required=False, default="status", type=click.Choice(["status", *_ACTIONS]))
@node_options(insecure=True)
@output_option("table", "json")
def command(name: str, action: str, nodes: Nodes, output: str) -> int:
    """List the services, show NAME with its latest events (status), or start, stop or restart it."""
    return _act(name, action, nodes) if action in _ACTIONS else _show(name, nodes, output)


def _act(name: str, action: str, nodes: Nodes) -> int:
    method, request, reply = _ACTIONS[action]

    async def ask(node: Node) -> str:
        answer = await node.unary(f"machine.MachineService/{method}", request(id=name), reply)
        return str(answer.messages[0].resp)

    answers = nodes.run(ask)
    table(("node", "response"), answers)
    return 0 if len(answers) == len(nodes.names) else 1


def _show(name: str, nodes: Nodes, output: str) -> int:
    async def ask(node: Node) -> list[pb.ServiceInfo]:
        answer = await node.unary("machine.MachineService/ServiceList", Empty(), pb.ServiceListResponse)
        return [info for info in answer.messages[0].services if name in ("", info.id)]

    answers = nodes.run(ask)
    if name and not any(found for _, found in answers):
        raise NotFound(f"there is no service {name}", remedy="list them: ichorctl service")
    if output == "json":
        emit_json([{"node": node, "services": [MessageToDict(s) for s in found]} for node, found in answers])
    elif name:
        for node, found in answers:
            _details(node, found[0]) if found else None
    else:
        rows = [(node, info.id, info.state, *_last(info)) for node, found in answers for info in found]
        table(("node", "service", "state", "health", "last change", "last event"), rows)
    return 0 if len(answers) == len(nodes.names) else 1


def _last(info: pb.ServiceInfo) -> tuple[str, str, str]:
    if not info.events.events:
        return _health(info), "", ""
    event = info.events.events[-1]
    return _health(info), f"{_ago(event.ts.ToSeconds())} ago", event.msg


def _details(node: str, info: pb.ServiceInfo) -> None:
    table(("node", node), [("id", info.id), ("state", info.state.upper()), ("health", _health(info))])
    for event in reversed(info.events.events):
        click.echo(f"  [{event.state}] {event.msg} ({_ago(event.ts.ToSeconds())} ago)")


def _health(info: pb.ServiceInfo) -> str:
    if info.health.unknown:
        return "?"
    return "OK" if info.health.healthy else "Fail"


def _ago(seconds: int) -> str:
    return format_duration(max(0, int(SystemClock().now()) - seconds))
