"""`netstat`: the sockets of nodes."""

import click

from core.cli.asking import ask, show
from core.cli.output import output_option
from core.cli.target import Nodes, node_options
from core.rpc.pb.machine import machine_pb2 as pb

_PROTOCOLS = ("tcp", "udp", "udplite", "raw")
_State = pb.ConnectRecord.State
_UDP = ("udp", "raw")  # without connections: what stands for a state is none


@click.command(name="netstat")
@click.option("-v", "--verbose", is_flag=True, help="also what the options below add, but for programs")
@click.option("-x", "--extend", is_flag=True, help="who owns it, and its inode")
@click.option("-p", "--programs", is_flag=True, help="the process that holds it")
@click.option("-t", "--tcp", is_flag=True)
@click.option("-u", "--udp", is_flag=True)
@click.option("-U", "--udplite", is_flag=True)
@click.option("-w", "--raw", is_flag=True)
@click.option("-o", "--timers", is_flag=True, help="what it waits for")
@click.option("-l", "--listening", is_flag=True, help="only those that wait for others")
@click.option("-a", "--all", "everything", is_flag=True, help="those that wait, too")
@click.option("-k", "--pods", is_flag=True, help="of pods, too")
@click.option("-4", "--ipv4", "four", is_flag=True)
@click.option("-6", "--ipv6", "six", is_flag=True)
@node_options()
@output_option("table", "json", short=False)
def command(nodes: Nodes, output: str, **flags: bool) -> int:
    """List the sockets of the nodes."""
    request = _request(flags)
    answers = ask(nodes, "machine.MachineService/Netstat", request, pb.NetstatResponse)
    extend, timers = flags["extend"] or flags["verbose"], flags["timers"] or flags["verbose"]
    columns = ["proto", "recv-q", "send-q", "local address", "foreign address", "state"]
    columns += ["uid", "inode"] * extend + ["program"] * flags["programs"] + ["timer"] * timers

    def rows(message: pb.Netstat) -> list[list[object]]:
        return [_row(record, extend, flags["programs"], timers) for record in message.connectrecord]

    return show(nodes, answers, output, columns, rows)


def _request(flags: dict[str, bool]) -> pb.NetstatRequest:
    wanted = [name for name in _PROTOCOLS if flags[name]] or list(_PROTOCOLS)
    families = [suffix for suffix, flag in (("", "four"), ("6", "six")) if flags[flag]] or ["", "6"]
    if flags["everything"]:
        kind = pb.NetstatRequest.ALL
    else:
        kind = pb.NetstatRequest.LISTENING if flags["listening"] else pb.NetstatRequest.CONNECTED
    return pb.NetstatRequest(
        filter=kind,
        feature=pb.NetstatRequest.Feature(pid=flags["programs"]),
        l4proto=pb.NetstatRequest.L4proto(**{name + family: True for name in wanted for family in families}),
        netns=pb.NetstatRequest.NetNS(hostnetwork=True, allnetns=flags["pods"]),
    )


def _row(record: pb.ConnectRecord, extend: bool, programs: bool, timers: bool) -> list[object]:
    state = "" if record.l4proto.startswith(_UDP) and record.state == _State.CLOSE else _State.Name(record.state)
    ends = (_end(record.localip, record.localport), _end(record.remoteip, record.remoteport))
    row: list[object] = [record.l4proto, record.rxqueue, record.txqueue, *ends, state]
    if extend:
        row += [record.uid, record.inode]
    if programs:
        row.append(f"{record.process.pid}/{record.process.name}" if record.process.pid else "-")
    if timers:
        name = pb.ConnectRecord.TimerActive.Name(record.tr).lower()
        row.append(f"{name} ({record.timerwhen / 100:.2f}/{record.retrnsmt}/{record.timeout})")
    return row


def _end(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port or '*'}"
