"""Verbs that ask each node once and show what it says: as a table with the node in front, or as JSON as it came."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from core.cli.output import emit_json, table
from core.cli.target import Node, Nodes

Answers = list[tuple[str, Any]]


def ask(nodes: Nodes, path: str, request: Message, reply: type[Any]) -> Answers:
    """(node, its message) of a unary call whose reply holds one message of each node."""

    async def one(node: Node) -> Any:
        return (await node.unary(path, request, reply)).messages[0]

    return nodes.run(one)


def show(
    nodes: Nodes,
    answers: Answers,
    output: str,
    columns: Sequence[str],
    rows: Callable[[Any], Iterable[Sequence[object]]],
) -> int:
    """Print what came, `rows` of each message under `columns`; the exit code."""
    if output == "json":
        emit_json([{"node": name, **plain(message)} for name, message in answers])
    else:
        table(("node", *columns), [(name, *row) for name, message in answers for row in rows(message)])
    return 0 if len(answers) == len(nodes.names) else 1


def plain(message: Message) -> dict[str, Any]:
    """A message as JSON has it, without what says which node it is of."""
    told: dict[str, Any] = MessageToDict(message, always_print_fields_with_no_presence=True)
    return {key: value for key, value in told.items() if key != "metadata"}
