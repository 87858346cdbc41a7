"""`inspect dependencies`: the graph of a node's controllers and resources, for graphviz."""

import json

import click
from google.protobuf.empty_pb2 import Empty

from core.cli.asking import ask
from core.cli.target import Nodes, node_options
from core.rpc.pb.inspect import inspect_pb2 as pb

_INPUTS = (pb.INPUT_STRONG, pb.INPUT_WEAK, pb.INPUT_DESTROY_READY)
_STYLES = {pb.INPUT_WEAK: "dotted", pb.INPUT_DESTROY_READY: "dashed"}


@click.group(name="inspect")
def command() -> None:
    """Look at how a node works."""


@command.command()
@click.option("--with-resources", is_flag=True, help="show types of resources as nodes of the graph")
@node_options()
def dependencies(with_resources: bool, nodes: Nodes) -> int:
    """Write the graph of controllers in dot, of the first node that answers: `| dot -Tsvg`."""
    path = "inspect.InspectService/ControllerRuntimeDependencies"
    answers = ask(nodes, path, Empty(), pb.ControllerRuntimeDependenciesResponse)
    edges = list(answers[0][1].edges)
    lines = _through_resources(edges) if with_resources else _direct(edges)
    click.echo("digraph {\n  rankdir=LR;\n" + "".join(f"  {line};\n" for line in lines) + "}")
    return 0 if len(answers) == len(nodes.names) else 1


def _through_resources(edges: list[pb.ControllerDependencyEdge]) -> list[str]:
    """Controllers as boxes, the types that they write and read between them."""
    lines = [f"{_quoted(name)} [shape=box]" for name in sorted({edge.controller_name for edge in edges})]
    for edge in edges:
        ends = [edge.controller_name, edge.resource_type]
        if edge.edge_type in _INPUTS:
            ends.reverse()
        lines.append(f"{_quoted(ends[0])} -> {_quoted(ends[1])}{_attributes(edge)}")
    return lines


def _direct(edges: list[pb.ControllerDependencyEdge]) -> list[str]:
    """From who writes a type to who reads it."""
    writers: dict[str, list[str]] = {}
    for edge in edges:
        if edge.edge_type not in _INPUTS:
            writers.setdefault(edge.resource_type, []).append(edge.controller_name)
    return [
        f"{_quoted(writer)} -> {_quoted(edge.controller_name)}{_attributes(edge, edge.resource_type)}"
        for edge in edges
        if edge.edge_type in _INPUTS
        for writer in writers.get(edge.resource_type, ())
    ]


def _attributes(edge: pb.ControllerDependencyEdge, label: str = "") -> str:
    label = "/".join(filter(None, (label, edge.resource_id)))
    given = [f"label={_quoted(label)}"] * bool(label)
    style = _STYLES.get(edge.edge_type)
    given += [f"style={style}"] * (style is not None)
    return f" [{','.join(given)}]" if given else ""


def _quoted(text: str) -> str:
    return json.dumps(text)
