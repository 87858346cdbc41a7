"""`cluster`: clusters of nodes on this machine, as namespaces or as virtual machines."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from core.base.clock import SystemClock
from core.base.units import parse_size
from core.cli import clientfile, files, imagefile, newcluster
from core.cli.before import given
from core.cli.home import places
from core.cli.output import emit_json, note, output_option, table
from core.config import images
from core.image.verify import verify
from core.provision import bringup, model, scaling, timeline
from core.provision.cluster import create as make
from core.provision.cluster import destroy as unmake
from core.provision.cluster import provisioner
from core.provision.model import ClusterSpec
from core.rpc.tls import ClientTLS

IMAGE: Final = "_out/x86_64"


@click.group(name="cluster")
def command() -> None:
    """Clusters of nodes on this machine."""


@command.command()
@click.option("--name", default="ichor", show_default=True)
@click.option("--provisioner", "kind", type=click.Choice(["container", "qemu"]), default="container", show_default=True)
@click.option("--controlplanes", default=1, show_default=True, help="control-plane nodes")
@click.option("--workers", default=0, show_default=True, help="worker nodes, of containers")
@click.option("--image", default=IMAGE, show_default=True, metavar="FOLDER", help="what `make image` built")
@click.option("--image-key", metavar="FILE", help="raw public key to check the image with")
@click.option("--memory", default="2GiB", show_default=True, help="of a virtual machine")
@click.option("--disk", default="6GiB", show_default=True, help="of a virtual machine")
@click.option("--cpus", type=click.IntRange(1), default=1, show_default=True, help="of a virtual machine")
@click.option("--cmdline", default="", metavar="WORDS", help="more words for the kernel's command line")
@click.option(
    "--kubernetes-version",
    "kubernetes",
    default="",
    show_default=images.KUBERNETES,
    callback=lambda context, option, given: given and newcluster.version(context, option, given),
)
@newcluster.registry_mirror
@click.option("--standalone", is_flag=True, help="nodes by themselves, in no Kubernetes")
@click.option("--config-patch", "patches", multiple=True, metavar="PATCH", help="inline or @FILE")
@click.option("--talosconfig", metavar="FILE", help="the client config file to add the cluster to")
@click.option("--wait/--no-wait", default=True, help="until the nodes are healthy")
def create(
    name: str,
    kind: str,
    controlplanes: int,
    workers: int,
    image: str,
    image_key: str | None,
    memory: str,
    disk: str,
    cpus: int,
    cmdline: str,
    kubernetes: str,
    mirrors: tuple[tuple[str, str], ...],
    standalone: bool,
    patches: tuple[str, ...],
    talosconfig: str | None,
    wait: bool,
) -> None:
    """Make a cluster, or start again what of it does not run. Says how long each node took, in seconds."""
    began = SystemClock().now()
    spec = ClusterSpec(
        name=name,
        kind="qemu" if kind == "qemu" else "container",
        image=str(Path(image).absolute()),
        control_planes=controlplanes,
        workers=workers,
        memory=parse_size(memory),
        disk=parse_size(disk),
        cpus=cpus,
        cmdline=cmdline,
        kubernetes=kubernetes,
        mirrors=mirrors,
        standalone=standalone,
    )
    cluster = make(places(), spec, _verifier(image_key), note)
    config = bringup.configure(places(), cluster, tuple(map(files.patch, patches)), note, wait=wait)
    path = clientfile.find(given("talosconfig", talosconfig))
    merged = clientfile.load_or_empty(path)
    if name not in merged.contexts or merged.contexts[name] != config.contexts[name]:
        merged = merged.put(name, config.contexts[name])
    clientfile.save(path, merged.use(name))
    note(f"cluster {name} is up; try: ichorctl version, ichorctl service, ichorctl get rd")
    if wait and not standalone:
        table(timeline.HEADINGS, timeline.rows(bringup.timeline(cluster, config), began))
        note(f"kubectl --kubeconfig {bringup.kubeconfig(places(), cluster, config)} get nodes")


@command.command()
@click.option("--name", default="ichor", show_default=True)
@click.option("--controlplanes", type=click.IntRange(1), help="so many control-plane nodes")
@click.option("--workers", type=click.IntRange(0), help="so many worker nodes")
@click.option("--config-patch", "patches", multiple=True, metavar="PATCH", help="of the first worker that there is")
@click.option("--talosconfig", metavar="FILE", help="the client config file that has the cluster")
@click.option("--wait/--no-wait", default=True, help="until the nodes are healthy")
def scale(
    name: str,
    controlplanes: int | None,
    workers: int | None,
    patches: tuple[str, ...],
    talosconfig: str | None,
    wait: bool,
) -> None:
    """Give a cluster more nodes, or fewer: the newest go, each emptied and out of etcd first."""
    cluster = model.load(places(), name)
    leaders = cluster.spec.control_planes if controlplanes is None else controlplanes
    others = cluster.spec.workers if workers is None else workers
    cluster = scaling.grown(cluster, leaders, others)
    going = scaling.leaving(cluster, leaders, others)
    staying = scaling.grow(places(), cluster, going, note)
    config = bringup.configure(places(), staying, tuple(map(files.patch, patches)), note, wait=wait)
    context = config.contexts[name]
    tls = ClientTLS(context.ca, context.crt, context.key)
    for node in going:
        kubeconfig = None if cluster.spec.standalone else bringup.kubeconfig(places(), cluster, config)
        cluster = scaling.part(places(), cluster, node, tls, kubeconfig, note)
    path = clientfile.find(given("talosconfig", talosconfig))
    merged = clientfile.load_or_empty(path)
    clientfile.save(path, merged.put(name, bringup.access(places(), cluster).contexts[name]))
    counts = f"{cluster.spec.control_planes} control planes, {cluster.spec.workers} workers"
    note(f"cluster {name} has {counts}")


@command.command()
@click.option("--name", default="ichor", show_default=True)
@click.option("--if-exists", is_flag=True, help="be content when there is none")
@click.option("--talosconfig", metavar="FILE", help="the client config file to take the cluster out of")
def destroy(name: str, if_exists: bool, talosconfig: str | None) -> None:
    """Remove a cluster and all it had."""
    if if_exists and name not in model.names(places()):
        return
    unmake(places(), name)
    path = clientfile.find(given("talosconfig", talosconfig))
    config = clientfile.load_or_empty(path)
    if name in config.contexts:
        clientfile.save(path, config.without(name))
    note(f"cluster {name} is gone")


@command.command()
@click.option("--name", default="", help="only this one")
@output_option("table", "json")
def show(name: str, output: str) -> None:
    """Show the clusters of this machine."""
    rows = []
    for each in [name] if name else model.names(places()):
        cluster = model.load(places(), each)
        machines = provisioner(places(), cluster)
        for node in cluster.nodes:
            state = "running" if machines.running(node) else "stopped"
            rows.append((each, cluster.spec.kind, node.name, f"{node.address}:{node.port}", state))
    headings = ("cluster", "provisioner", "node", "address", "state")
    if output == "json":
        emit_json([dict(zip(headings, row, strict=True)) for row in rows])
    else:
        table(headings, rows)


@command.command()
@click.argument("node")
@click.option("--name", default="ichor", show_default=True)
def logs(node: str, name: str) -> None:
    """Show the console of NODE."""
    cluster = model.load(places(), name)
    found = next((n for n in cluster.nodes if node in (n.name, n.address)), None)
    if found is None:
        raise click.UsageError(f"cluster {name} has no node {node}")
    click.echo(provisioner(places(), cluster).console(found).read_bytes(), nl=False)


def _verifier(key: str | None) -> Callable[[Path], object]:
    """Checks an image by the key in a file, or by this machine's development key."""
    return lambda image: verify(image, imagefile.public_key(key))
