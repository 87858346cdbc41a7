"""`health`: what a control plane says of its cluster's health, line by line, until all is well."""

import click

from core.base.errors import Unsupported
from core.base.text import printable
from core.base.units import parse_duration
from core.cli import files
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.cluster import cluster_pb2 as pb

_PATH = "cluster.ClusterService/HealthCheck"


@click.command(name="health")
@click.option("--control-plane-nodes", "planes", multiple=True, metavar="HOST", help="the control planes there must be")
@click.option("--worker-nodes", "workers", multiple=True, metavar="HOST", help="the workers there must be")
@click.option("--init-node", "first", default="", metavar="HOST", help="one more control plane")
@click.option("--k8s-endpoint", "kubernetes", default="", metavar="URL", help="ask Kubernetes there")
@click.option("--wait-timeout", default="20m", show_default=True, metavar="TIME", help="how long it may take")
@click.option("--server/--no-server", default=True, show_default=True, help="whether the node looks, not this program")
@node_options()
def command(
    planes: tuple[str, ...],
    workers: tuple[str, ...],
    first: str,
    kubernetes: str,
    wait_timeout: str,
    server: bool,
    nodes: Nodes,
) -> int:
    """Wait until the cluster is healthy, as each of the nodes sees it."""
    if not server:
        raise Unsupported("this program does not look for itself", remedy="leave --server=false out")
    seconds = parse_duration(wait_timeout)
    request = pb.HealthCheckRequest(
        cluster_info=pb.ClusterInfo(
            control_plane_nodes=[*files.split(planes), *([first] if first else [])],
            worker_nodes=files.split(workers),
            force_endpoint=kubernetes,
        )
    )
    request.wait_timeout.FromNanoseconds(round(seconds * 10**9))

    async def show(node: Node) -> None:
        async for progress in node.stream(_PATH, request, pb.HealthCheckProgress):
            click.echo(f"{node.name}: {printable(progress.message)}" if len(nodes.names) > 1 else progress.message)

    return nodes.each(show)
