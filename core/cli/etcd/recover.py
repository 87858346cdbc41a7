"""`etcd recover`: one command for an etcd that has lost its quorum for good. It asks every control plane what it has,
shows who would begin anew and what everybody else would lose, and does that; broken off after its first step, the rest
comes by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import click
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.base.clock import SystemClock
from core.base.errors import Conflict, NotReady
from core.base.text import printable
from core.cli import files
from core.cli.etcd.planning import Host, Plan, Report, declared, plan, silent
from core.cli.output import note
from core.cli.target import Node, Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as machine
from core.rpc.pb.recovery import recovery_pb2 as pb
from core.rpc.status import Code, RpcError

Res = TypeVar("Res", bound=Message)
SECONDS: Final = 120.0  # of a node: etcd is ended, its database read
SERVES_SECONDS: Final = 600.0  # a database of 8 GB is written anew, and read again
POLL: Final = 0.5
_SILENT: Final = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was answered, by the names that nodes were asked under, and the way to each; why the rest is silent."""

    answers: dict[str, pb.ReportResponse]
    ways: dict[str, Nodes]
    silent: dict[str, str]

    def plan(self, lost: tuple[str, ...]) -> Plan:
        """Raises what keeps from making one."""
        heard = [_host(said.host) for said in self.answers.values()]
        known = [_host(host) for said in self.answers.values() for host in said.others]
        unheard = silent(heard, known, self.silent)
        gone = declared(lost, heard, unheard, self.answers)
        reports = [_report(said) for said in self.answers.values() if said.HasField("data")]
        return plan(reports, {name: why for name, (_, why) in unheard.items()}, gone)

    async def tell(self, report: Report, work: Callable[[Report, Node], Awaitable[None]]) -> None:
        """Have this done on the node that it is of."""
        name = next(name for name, said in self.answers.items() if said.host.name == report.name)
        await self.ways[name].one(name, partial(work, report))


@click.command()
@click.option("--lost", "lost", multiple=True, metavar="HOST", help="a control plane that is gone for good")
@click.option("--dry-run", is_flag=True, help="only show the plan")
@node_options()
def recover(nodes: Nodes, lost: tuple[str, ...], dry_run: bool) -> None:
    """Begin etcd anew after its quorum was lost, with the data of the control plane that knows most.

    Name every control plane that is left by --nodes, and every other one by --lost: what a lost one alone knew is
    gone, and it joins anew when it comes back. Refused while a quorum serves.
    """
    asyncio.run(_recover(nodes, files.split(lost), dry_run=dry_run))


async def _recover(nodes: Nodes, lost: tuple[str, ...], *, dry_run: bool) -> None:
    survey = await _survey(nodes)
    made = survey.plan(lost)
    empty = [said.host.name for said in survey.answers.values() if not said.HasField("data")]
    for line in (*str(made).splitlines(), *(f"{name} has no data: it joins by itself" for name in empty)):
        click.echo(printable(line))
    if dry_run:
        note("nothing was changed")
        return
    await survey.tell(made.survivor, _survive)
    for each in made.wiped:
        await survey.tell(each, _forsake)


async def _survey(nodes: Nodes) -> Survey:
    survey, refused = Survey({}, {}, {}), []
    asked = await asyncio.gather(*(_ask(nodes, name) for name in nodes.names))
    for name, (way, said) in zip(nodes.names, asked, strict=True):
        if not isinstance(said, RpcError):
            survey.answers[name], survey.ways[name] = said, way
        elif said.code in _SILENT:
            survey.silent[name] = said.message
        else:
            refused.append(f"{name}: {said}")
    if refused:
        raise Conflict("\n".join(refused))
    return survey


async def _ask(nodes: Nodes, name: str) -> tuple[Nodes, pb.ReportResponse | RpcError]:
    """What it has, by which way: at its own door first, for what parted the control planes may be the network."""
    said: RpcError | None = None
    for way in (replace(nodes, endpoints=(name,)), nodes):
        try:
            return way, await way.one(name, _report_of)
        except RpcError as error:
            said = error
            if error.code not in _SILENT:
                break
    assert said is not None
    return nodes, said


async def _report_of(node: Node) -> pb.ReportResponse:
    return await _call(node, "Report", Empty(), pb.ReportResponse)


async def _survive(report: Report, node: Node) -> None:
    began = SystemClock().monotonic()
    await _call(node, "Survive", pb.SurviveRequest(told=_data(report)), Empty)
    note(f"{report.name}: begins the cluster anew")
    request, path = machine.EtcdMemberListRequest(), "machine.MachineService/EtcdMemberList"
    while True:
        try:
            await node.unary(path, request, machine.EtcdMemberListResponse)
        except RpcError as error:
            if SystemClock().monotonic() - began > SERVES_SECONDS:
                raise NotReady(f"{report.name}: etcd does not serve: {error}", remedy="see its log") from error
        else:
            break
        await asyncio.sleep(POLL)
    note(f"{report.name}: etcd serves again, after {SystemClock().monotonic() - began:.1f} s")


async def _forsake(report: Report, node: Node) -> None:
    await _call(node, "Forsake", pb.ForsakeRequest(told=_data(report)), Empty)
    note(f"{report.name}: gives its data up and joins anew")


def _call(node: Node, method: str, request: Message, reply: type[Res]) -> Awaitable[Res]:
    return node.unary(f"ichor.recovery.Recovery/{method}", request, reply, SECONDS)


def _host(host: pb.Host) -> Host:
    return Host(host.name, frozenset(host.addresses))


def _report(said: pb.ReportResponse) -> Report:
    return Report(said.host.name, said.data.cluster, said.data.member, said.data.revision)


def _data(report: Report) -> pb.Data:
    return pb.Data(cluster=report.cluster, member=report.member, revision=report.revision)
