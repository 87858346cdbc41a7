"""`upgrade-k8s`: take a cluster's Kubernetes to another version, part by part and node by node. Begun again, it goes on
from where it was."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click

from core.base.clock import SystemClock
from core.base.errors import Invalid
from core.base.units import parse_duration
from core.cli.kubeconfig import fetched
from core.cli.output import note, table
from core.cli.target import Nodes, node_options
from core.cli.upgrading.cluster import Cluster
from core.cli.upgrading.manifests import Manifests
from core.cli.upgrading.plan import Held, Plan, make
from core.cli.upgrading.steps import Upgrade, Wishes
from core.cli.upgrading.waiting import Waiting
from core.cluster.kubernetes import kubeconfig, removed, upgrades
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.upgrades import Version
from core.config import images

_ANSWER: Final = 120.0  # seconds for an API server to answer at all
_STEPS: Final = """\
Each node's config is changed in that order, and each part is well on one node before the next one's is touched:
kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy by its manifest, the kubelets; then the cluster's
manifests are applied, and what is in none of them any more is removed.
"""


@dataclass(frozen=True, slots=True)
class _Order:
    """What was asked for on the command line."""

    before: str
    after: str
    endpoint: str
    kubelets: bool
    dry_run: bool
    force: bool


@click.command(name="upgrade-k8s")
@click.option("--from", "before", default="", metavar="VERSION", help="what must run  [default: whatever does]")
@click.option("--to", "after", default=images.KUBERNETES, show_default=True, metavar="VERSION", help="what is to run")
@click.option("--endpoint", default="", metavar="URL", help="of the API server  [default: the cluster's endpoint]")
@click.option("--dry-run", is_flag=True, help="only say what would be done")
@click.option("--pre-pull-images/--no-pre-pull-images", "pull", default=True, show_default=True, help="fetch all first")
@click.option(
    "--upgrade-kubelet/--no-upgrade-kubelet", "kubelets", default=True, show_default=True, help="and kubelets"
)
@click.option("--manifests-force", "force", is_flag=True, help="take over fields of manifests that others have changed")
@click.option("--manifests-no-prune", "no_prune", is_flag=True, help="remove nothing; nodes do when manifests change")
@click.option(
    "--manifests-reconcile-timeout",
    "settle",
    default="5m0s",
    show_default=True,
    metavar="TIME",
    help="how long workloads of manifests are waited for; 0 is not at all",
)
@node_options()
def command(
    before: str,
    after: str,
    endpoint: str,
    dry_run: bool,
    pull: bool,
    kubelets: bool,
    force: bool,
    no_prune: bool,
    settle: str,
    nodes: Nodes,
) -> None:
    """Take the cluster's Kubernetes to another version.

    One control plane is asked; the others are found through Kubernetes. A cluster goes to any patch of its minor
    release and of the next one."""
    if len(nodes.names) != 1:
        raise Invalid("it is asked of one control plane, and finds the others", remedy="name it with --nodes")
    order = _Order(before, after, endpoint, kubelets, dry_run, force)
    asyncio.run(_upgrade(nodes, order, Wishes(pull, not no_prune, parse_duration(settle))))


async def _upgrade(nodes: Nodes, order: _Order, wishes: Wishes) -> None:
    after, before = Version.parse(order.after), Version.parse(order.before) if order.before else None
    access = await nodes.one(nodes.names[0], fetched)
    async with kubeconfig.connect(access, server=order.endpoint) as kubernetes:
        cluster, waiting = Cluster(nodes, kubernetes), Waiting(SystemClock())
        # one that was broken off may have left the only API server being started anew
        await waiting.until("the API server", cluster.reached, _ANSWER)
        held = await cluster.look()
        plan = make(held, after, before, kubelets=order.kubelets)
        await _warn(kubernetes, plan)
        _show(plan)
        if order.dry_run:
            click.echo(_STEPS, nl=False)
            note("nothing was changed")
            return
        manifests = Manifests(cluster, _first(held).member, SystemClock(), force=order.force)
        await Upgrade(cluster, manifests, waiting, note, wishes).run(plan)
        note(f"the cluster is at {after}")


def _first(held: Sequence[Held]) -> Held:
    """A control plane: they are in front, and a plan is only made where there is one."""
    return held[0]


async def _warn(kubernetes: Kubernetes, plan: Plan) -> None:
    """Of what clients ask for and will not get any more, as far as the API server that answers was asked."""
    if plan.after.release != plan.before.release:
        metrics = (await kubernetes.text("/metrics")).decode(errors="replace")
        for what in removed.requested(metrics, plan.after.release):
            note(f"warning: somebody asks for {what}, which {plan.after} does not serve")


def _show(plan: Plan) -> None:
    rows = [
        (change.member.name, change.component.name, _version(change.before), _version(change.after))
        for change in plan.changes
    ]
    table(("node", "component", "now", "then"), rows)
    note(f"from {plan.before} to {plan.after}: {plan.left} of {len(plan.changes)} changes are left to make")


def _version(image: str) -> str:
    """What is told of an image: its version, and all of its name where that says none."""
    version = upgrades.tagged(image)
    return image if version is None else f"v{version}"
