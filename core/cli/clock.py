"""`time`: the clocks of nodes beside a time server's."""

import click
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from core.cli.asking import ask, show
from core.cli.output import output_option
from core.cli.target import Nodes, node_options
from core.rpc.pb.time import time_pb2 as pb


@click.command(name="time")
@click.option("-c", "--check", default="", metavar="SERVER", help="ask this server instead of the node's own")
@node_options()
@output_option("table", "json")
def command(check: str, nodes: Nodes, output: str) -> int:
    """Compare the nodes' clocks with a time server."""
    if check:
        answers = ask(nodes, "time.TimeService/TimeCheck", pb.TimeRequest(server=check), pb.TimeResponse)
    else:
        answers = ask(nodes, "time.TimeService/Time", Empty(), pb.TimeResponse)
    return show(nodes, answers, output, ("server", "node's time", "server's time", "offset"), lambda m: [_row(m)])


def _row(message: pb.Time) -> tuple[str, ...]:
    here, there = message.localtime, message.remotetime
    offset = (there.ToNanoseconds() - here.ToNanoseconds()) / 1e9
    return message.server, _shown(here), _shown(there), f"{offset:+.6f}s"


def _shown(stamp: Timestamp) -> str:
    return stamp.ToJsonString()
