"""`get`: resources of nodes, as a table, YAML, JSON or one value of each, once or as they change."""

from collections.abc import AsyncIterator
from typing import Any, Final

import click

from core.base.text import printable
from core.cli import columns, kinds
from core.cli.output import emit_json, emit_line, table
from core.cli.target import Node, Nodes, node_options
from core.codec import yaml
from core.rpc.pb.v1alpha1 import resource_pb2
from core.rpc.pb.v1alpha1 import state_pb2 as state

_EVENTS: Final = {state.CREATED: "+", state.UPDATED: "", state.DESTROYED: "-"}
_PATH: Final = "jsonpath="
Row = tuple[str, resource_pb2.Resource]


@click.command(name="get")
@click.argument("kind", metavar="TYPE")
@click.argument("name", metavar="ID", required=False, default="")
@click.option("--namespace", default="", help="in place of the type's own")
@click.option("-w", "--watch", is_flag=True, help="show changes as they happen")
@node_options(insecure=True)
@click.option(
    *("-o", "--output"),
    default="table",
    show_default=True,
    metavar="FORMAT",
    callback=lambda *given: _format(given[2]),
    help="table, yaml, json, or jsonpath={.spec.PATH}",
)
def command(kind: str, name: str, namespace: str, watch: bool, nodes: Nodes, output: str) -> int:
    """Show resources of TYPE (a name or an alias; `get rd` lists them)."""
    if watch:
        return nodes.each(lambda node: _watch(node, kind, namespace, name, output))

    async def ask(node: Node) -> tuple[kinds.Definition, list[resource_pb2.Resource]]:
        definition = await kinds.find(node, kind)
        return definition, [r async for r in _read(node, definition, namespace, name)]

    answers = nodes.run(ask)
    rows = [(node, resource) for node, (_, found) in answers for resource in found]
    if path := output.partition(_PATH)[2]:
        for row in rows:
            click.echo(printable(columns.pick(path, _plain(*row))))
    elif output == "json":
        emit_json([_plain(*row) for row in rows])
    elif output == "yaml":
        click.echo(yaml.dump_all(_plain(*row) for row in rows).decode(), nl=False)
    elif answers:
        definition = answers[0][1][0]
        table(_headings(definition), [_cells(definition, *row) for row in rows])
    return 0 if len(answers) == len(nodes.names) else 1


async def _read(
    node: Node, definition: kinds.Definition, namespace: str, name: str
) -> AsyncIterator[resource_pb2.Resource]:
    where = namespace or definition.default_namespace
    if name:
        one = state.GetRequest(namespace=where, type=definition.type, id=name)
        yield (await node.unary("cosi.resource.State/Get", one, state.GetResponse)).resource
        return
    async for resource in kinds.listed(node, definition.type, where):
        yield resource


async def _watch(node: Node, kind: str, namespace: str, name: str, output: str) -> None:
    definition = await kinds.find(node, kind)
    where = namespace or definition.default_namespace
    request = state.WatchRequest(namespace=where, type=definition.type, api_version=1)
    if name:
        request.id = name
    else:
        request.options.bootstrap_contents = True
    if output == "table":
        click.echo("   ".join(heading.upper() for heading in ("*", *_headings(definition))))
    async for answer in node.stream("cosi.resource.State/Watch", request, state.WatchResponse):
        for event in answer.event:
            if event.event_type in _EVENTS:
                _show(definition, node.name, event, output)


def _show(definition: kinds.Definition, node: str, event: state.Event, output: str) -> None:
    change = state.EventType.Name(event.event_type).lower()
    if path := output.partition(_PATH)[2]:
        click.echo(printable(columns.pick(path, _plain(node, event.resource))))
    elif output == "table":
        cells = _cells(definition, node, event.resource)
        click.echo("   ".join([_EVENTS[event.event_type] or " ", *map(str, cells)]))
    elif output == "json":
        emit_line({"event": change, **_plain(node, event.resource)})
    else:
        click.echo("---\n" + yaml.dump({"event": change, **_plain(node, event.resource)}).decode(), nl=False)


def _format(name: str) -> str:
    """A known one; `{...}` may be left out around a path."""
    if name not in ("table", "yaml", "json") and not name.partition(_PATH)[2]:
        raise click.BadParameter(f"{name} is none of table, yaml, json and jsonpath=PATH", param_hint="--output")
    return name


def _headings(definition: kinds.Definition) -> list[str]:
    return ["node", "namespace", "type", "id", "version", *(column.name for column in definition.print_columns)]


def _cells(definition: kinds.Definition, node: str, resource: resource_pb2.Resource) -> list[str]:
    md, spec = resource.metadata, kinds.spec(resource)
    own = [columns.pick(column.json_path, spec) for column in definition.print_columns]
    return [node, md.namespace, definition.display_type, md.id, md.version, *own]


def _plain(node: str, resource: resource_pb2.Resource) -> dict[str, Any]:
    return {"node": node, **kinds.plain(resource)}
