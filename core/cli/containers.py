"""`containers`, `stats` and `restart`: what a node's container runtime runs."""

import click

from core.base.units import format_duration
from core.cli.asking import ask, show
from core.cli.output import note, output_option
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.common import common_pb2
from core.rpc.pb.machine import machine_pb2 as pb

_SERVICE = "machine.MachineService"
_kubernetes = click.option("-k", "--kubernetes", is_flag=True, help="those of Kubernetes")


def _where(kubernetes: bool) -> dict[str, str]:
    driver = common_pb2.CRI if kubernetes else common_pb2.CONTAINERD
    return {
        "namespace": "k8s.io" if kubernetes else "system",
        "driver": common_pb2.ContainerDriver.Name(driver),
    }


@click.command(name="containers")
@_kubernetes
@node_options()
@output_option("table", "json")
def command(kubernetes: bool, nodes: Nodes, output: str) -> int:
    """List the containers of the nodes."""
    request = pb.ContainersRequest(**_where(kubernetes))
    answers = ask(nodes, f"{_SERVICE}/Containers", request, pb.ContainersResponse)

    def rows(message: pb.Container) -> list[tuple[object, ...]]:
        return [(c.namespace, _below(c.pod_id, c.id), c.image, c.pid or "", c.status) for c in message.containers]

    return show(nodes, answers, output, ("namespace", "id", "image", "pid", "status"), rows)


@click.command(name="stats")
@_kubernetes
@node_options()
@output_option("table", "json")
def stats(kubernetes: bool, nodes: Nodes, output: str) -> int:
    """Show what the containers of the nodes use."""
    answers = ask(nodes, f"{_SERVICE}/Stats", pb.StatsRequest(**_where(kubernetes)), pb.StatsResponse)

    def rows(message: pb.Stats) -> list[tuple[object, ...]]:
        return [
            (s.namespace, _below(s.pod_id, s.id), f"{s.memory_usage / 1e6:.2f}", format_duration(s.cpu_usage / 1e9))
            for s in message.stats
        ]

    return show(nodes, answers, output, ("namespace", "id", "memory(mb)", "cpu"), rows)


@click.command(name="restart")
@click.argument("name", metavar="ID")
@_kubernetes
@node_options()
def restart(name: str, kubernetes: bool, nodes: Nodes) -> int:
    """Ask the container ID to end, so that whoever runs it starts it again."""
    request = pb.RestartRequest(id=name, **_where(kubernetes))

    async def one(node: Node) -> None:
        await node.unary(f"{_SERVICE}/Restart", request, pb.RestartResponse)
        note(f"{node.name}: {name} was asked to end")

    return nodes.each(one)


def _below(pod: str, name: str) -> str:
    """A container's name, set off from the pod it is in."""
    return name if name == pod else f"└─ {name}"
