"""`rotate-ca`: exchange the authorities of a whole cluster, with no moment at which anybody is refused. Shows what it
would do unless told to do it; begun again, it goes on from where it was."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from core.base.clock import SystemClock
from core.base.errors import Conflict, Invalid, NotReady, Unsupported
from core.cli import clientfile, files
from core.cli.before import common, given
from core.cli.home import places
from core.cli.output import note, table
from core.cli.rotation.access import Output, tls
from core.cli.rotation.authorities import Held, Standing, identity, judge
from core.cli.rotation.cluster import Cluster
from core.cli.rotation.kubernetes import KubernetesRotation
from core.cli.rotation.members import Members
from core.cli.rotation.provisioned import keep_kubeconfig, tell
from core.cli.rotation.steps import Rotation
from core.cli.target import Nodes, known
from core.config import client
from core.rpc.status import RpcError

_NO_KUBERNETES: Final = "these nodes are in no Kubernetes, so nothing of it is exchanged"
_ENDED: Final = "an exchange of Kubernetes' authority is finished first; run this again to exchange the API's"
_PLAN: Final = """\
1. every node accepts the new authority beside the old one
2. {output} gets a client certificate of the new authority, and every node is asked by it
3. control planes, then workers, take their certificates from the new authority
4. every node accepts the old authority no more; nor does {output}
"""
_KUBERNETES_PLAN: Final = """\
1. all programs of Kubernetes believe the new authority beside the old one, and so do pods that start
2. control planes, then workers, take their certificates from the new authority
3. no program believes the old authority any more, and no kubeconfig of before is let in
"""


@click.command(name="rotate-ca")
@click.option("--control-plane-nodes", "planes", multiple=True, metavar="HOST", help="the control planes")
@click.option("--init-node", default="", metavar="HOST", help="one more control plane")
@click.option("--worker-nodes", "workers", multiple=True, metavar="HOST", help="the workers")
@click.option("--dry-run/--no-dry-run", default=True, show_default=True, help="only say what would be done")
@click.option("--talos/--no-talos", default=True, show_default=True, help="the authority of the API")
@click.option("--kubernetes/--no-kubernetes", default=True, show_default=True, help="the authority of Kubernetes")
@click.option("-o", "--output", default="talosconfig", show_default=True, help="the file of the client config")
@click.option("--k8s-endpoint", default="", metavar="URL", help="where Kubernetes is asked, if not at its endpoint")
@click.option("--with-docs/--without-docs", default=True, hidden=True, help="not used: a config keeps what it says")
@click.option("--with-examples/--without-examples", default=True, hidden=True, help="not used, as above")
@common
def command(
    planes: tuple[str, ...],
    init_node: str,
    workers: tuple[str, ...],
    dry_run: bool,
    output: str,
    talosconfig: str | None,
    context: str,
    wanted: tuple[str, ...],
    endpoints: tuple[str, ...],
    **others: Any,
) -> None:
    """Exchange the authorities of a cluster, of the nodes' API and of Kubernetes, for new ones.

    Name every node, by --nodes or by --control-plane-nodes and --worker-nodes: one that is left out is shut out.
    Everybody who has a client certificate of the old authority needs one of the new: `ichorctl config renew` gives it
    while both are accepted, and `ichorctl config new` ever after; `ichorctl kubeconfig` gives the one of Kubernetes.
    """
    if not others["talos"] and not others["kubernetes"]:
        raise Unsupported("there is nothing to do")
    talosconfig, context = given("talosconfig", talosconfig), given("context", context)
    wanted, endpoints = given("wanted", wanted), given("endpoints", endpoints)
    leading = (*files.split((init_node,)), *files.split(planes))
    names = tuple(dict.fromkeys((*leading, *files.split(workers), *files.split(wanted))))
    config = clientfile.load(clientfile.find(talosconfig))
    name = context or config.context
    contexts = _candidates(Path(output), name, config.get(name))
    nodes = known(talosconfig, context, names, files.split(endpoints))
    expected = dict.fromkeys(leading, True) | dict.fromkeys(files.split(workers), False)
    wishes = Wishes(others["talos"], others["kubernetes"], others["k8s_endpoint"], dry_run)
    asyncio.run(_rotate(nodes, contexts, Path(output), name, expected, wishes))


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which authorities are meant, where Kubernetes is asked, and whether nothing is to be changed."""

    api: bool
    kubernetes: bool
    endpoint: str
    dry_run: bool


def _candidates(output: Path, name: str, own: client.Context) -> list[client.Context]:
    """Who may be let in: an exchange that was broken off has left a config that is, whatever became of the first."""
    left = clientfile.load_or_empty(output).contexts.get(name, own)
    contexts = [own] if left == own else [left, own]
    if not all(context.crt and context.ca for context in contexts):
        raise Invalid(f"the context {name} has no certificate", remedy="get one by `ichorctl config renew`")
    return contexts


async def _rotate(
    nodes: Nodes, contexts: list[client.Context], output: Path, name: str, expected: dict[str, bool], wishes: Wishes
) -> None:
    context = await _let_in(nodes, contexts)
    members = Members(replace(nodes, tls=tls(context)))
    own = Output(output, name, context)
    rotation = Rotation(members, own, SystemClock(), note)
    held = await rotation.look()
    for one in held:
        if expected.get(one.node, one.leads) != one.leads:
            raise Conflict(f"{one.node} is a {_kind(one)} by its own config", remedy="name it as that")
    other = await _kubernetes(members, held, name, context, wishes) if wishes.kubernetes else None
    api = wishes.api
    if api and other is not None and ended(judge(held), own, judge(await other.look())):
        api = False
        note(_ENDED)
    if wishes.dry_run:
        await members.present()
        if api:
            _show(held, _PLAN.format(output=output))
        if other is not None:
            _show(await other.look(), _KUBERNETES_PLAN)
        note("nothing was changed; give --dry-run=false to do what of this is left to do")
        return
    if api:
        await rotation.run()
        if said := tell(places(), name, clientfile.load(output).get(name)):
            note(said)
    if other is not None:
        await other.run()


def ended(api: Standing, own: Output, kubernetes: Standing) -> bool:
    """Whether it is the exchange of Kubernetes alone that was broken off: whoever goes on with that does not mean to
    exchange the API's authority again, and have everybody's certificates refused that were made since."""
    return kubernetes.begun and not api.begun and not own.outlived(api.old)


async def _kubernetes(
    members: Members, held: list[Held], name: str, context: client.Context, wishes: Wishes
) -> KubernetesRotation | None:
    """None where there is no Kubernetes."""
    leader = next((one.node for one in held if one.leads), "")
    if not leader or not (await members.config(leader)).v1alpha1.cluster.token:
        note(_NO_KUBERNETES)
        return None

    def keep(data: bytes) -> None:
        keep_kubeconfig(places(), name, context, data)

    return KubernetesRotation(members, Cluster(members, leader, wishes.endpoint), SystemClock(), note, keep)


async def _let_in(nodes: Nodes, contexts: list[client.Context]) -> client.Context:
    """The first that the first node lets in. Raises NotReady."""
    refused = None
    for context in contexts:
        try:
            await Members(nodes).answers(nodes.names[0], tls(context))
        except RpcError as error:
            refused = NotReady(
                f"{nodes.names[0]} does not answer: {error}",
                remedy="if an exchange was broken off, give the --output of then",
            )
        else:
            return context
    assert refused is not None
    raise refused


def _show(held: list[Held], plan: str) -> None:
    standing = judge(held)
    table(("node", "type", "authority"), [(one.node, _kind(one), _stands(one, standing)) for one in held])
    click.echo()
    click.echo(plan, nl=False)


def _kind(held: Held) -> str:
    return "control plane" if held.leads else "worker"


def _stands(held: Held, standing: Standing) -> str:
    old = identity(standing.old) in held.trusted
    if standing.new is None or identity(standing.new.crt) not in held.trusted:
        return "old"
    if not held.own.crt or identity(held.own.crt) != identity(standing.new.crt):
        return "old; accepts the new one"
    return "new; accepts the old one" if old else "new"
