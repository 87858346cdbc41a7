"""What the model makes of answers: shares, traffic, processes, services, lines, facts."""

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from core.cli.dashboard.model import facts
from core.cli.dashboard.model.devices import Disks, Links, volumes
from core.cli.dashboard.model.facts import Facts
from core.cli.dashboard.model.load import Memory, Processors
from core.cli.dashboard.model.node import Fleet, Reach
from core.cli.dashboard.model.processes import Order, Processes
from core.cli.dashboard.model.services import Services
from core.cli.dashboard.model.told import LINES, Happenings, Log
from core.codec.xid import Xid
from core.rpc.pb.machine import machine_pb2 as pb


def cpu(*seconds: tuple[float, float]) -> pb.SystemStat:
    """(busy, idle) of each processor."""
    each = [pb.CPUStat(user=busy / 2, system=busy / 2, guest=busy / 4, idle=idle) for busy, idle in seconds]
    whole = pb.CPUStat(user=sum(b for b, _ in seconds), idle=sum(i for _, i in seconds))
    return pb.SystemStat(cpu_total=whole, cpu=each, boot_time=1)


def test_a_processor_is_as_busy_as_its_own_clock_says() -> None:
    processors = Processors()
    processors.take(cpu((10, 90), (0, 100)))
    assert processors.history.now is None
    assert processors.uptime == 100
    processors.take(cpu((11, 90), (0, 101)))
    assert processors.history.now == 0.5
    assert processors.each == [1.0, 0.0]
    processors.take(cpu((12, 90)))  # one was taken away: all begins anew
    assert [processors.history.now, *processors.each] == [None, None]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=2, max_size=5))
def test_shares_are_shares(samples: list[tuple[float, float]]) -> None:
    processors = Processors()
    for busy, idle in samples:
        processors.take(cpu((busy, idle)))
        assert processors.history.now is None or 0 <= processors.history.now <= 1


def test_memory_is_used_when_it_is_not_available() -> None:
    memory = Memory()
    memory.take(pb.MemInfo(memtotal=1000, memavailable=750, buffers=10, cached=20, sreclaimable=5, swaptotal=8))
    assert (memory.whole, memory.used, memory.cache, memory.history.now) == (1000 << 10, 250 << 10, 35 << 10, 0.25)
    assert (memory.swap, memory.swap_used) == (8 << 10, 8 << 10)


def net(**counters: int) -> pb.NetworkDeviceStats:
    devices = [
        pb.NetDev(name=name, rx_bytes=count, tx_bytes=2 * count, rx_errors=3) for name, count in counters.items()
    ]
    return pb.NetworkDeviceStats(devices=devices)


def test_traffic_leaves_out_what_a_node_says_to_itself() -> None:
    links = Links()
    links.take(0, net(lo=100, eth0=10))
    links.take(2, net(lo=900, eth0=30, eth1=5))
    assert (links.inward.now, links.outward.now) == (10, 20)
    assert [link.inward.rate for link in links.found.values()] == [400, 10, None]
    assert links.found["eth0"].errors == 3
    links.take(3, net(eth0=0))  # made anew under its name
    assert (links.inward.now, list(links.found)) == (None, ["eth0"])


def test_partitions_count_for_their_disk_alone() -> None:
    def stats(sectors: int) -> pb.DiskStats:
        names = ("sda", "sda1", "nvme0n1", "nvme0n1p2", "dm-0", "loop3", "idle")
        return pb.DiskStats(
            devices=[
                pb.DiskStat(name=name, read_completed=int(name != "idle"), read_sectors=sectors, io_time_ms=sectors)
                for name in names
            ]
        )

    disks = Disks()
    disks.take(0, stats(0))
    disks.take(1, stats(500))
    assert disks.inward.now == 2 * 500 * 512
    assert {name: disks.whole(name) for name in disks.found} == {
        "sda": "",
        "sda1": "sda",
        "nvme0n1": "",
        "nvme0n1p2": "nvme0n1",
        "dm-0": "",
    }
    assert disks.found["sda1"].busy.rate == 0.5


def test_a_volume_is_listed_once() -> None:
    def stat(source: str, target: str, size: int) -> pb.MountStat:
        return pb.MountStat(filesystem=source, mounted_on=target, size=size, available=size // 4)

    mounts = [stat("/dev/vda", "/var/lib/x", 8), stat("/dev/vda", "/var", 8), stat("tmpfs", "/tmp", 8)]
    mounts += [stat("/dev/vdb", "/empty", 0), stat("/dev/loop0", "/", 4)]
    found = volumes(pb.Mounts(stats=mounts))
    assert [(volume.target, volume.share) for volume in found] == [("/", 0.75), ("/var", 0.75)]


def test_processes_are_ordered_and_found_by_words() -> None:
    def sample(*rows: tuple[int, str, float, int]) -> pb.Process:
        infos = [pb.ProcessInfo(pid=p, command=c, cpu_time=t, resident_memory=m) for p, c, t, m in rows]
        infos[0].args = "one --with arguments\x1b[31m"
        return pb.Process(processes=infos)

    processes = Processes()
    processes.take(0, sample((1, "one", 1, 10), (2, "two", 5, 30), (3, "new", 0, 20)))
    processes.take(2, sample((1, "one", 2, 10), (2, "two", 5, 30), (3, "other", 9, 20)))
    assert [p.pid for p in processes.listed(Order.CPU)] == [1, 3, 2]
    assert [p.cpu for p in processes.listed(Order.CPU)] == [0.5, None, 0.0]  # the number 3 is another's now
    assert [p.pid for p in processes.listed(Order.MEMORY)] == [2, 3, 1]
    assert [p.pid for p in processes.listed(Order.CPU, "ARGUM one")] == [1]
    assert processes.listed(Order.CPU, "1")[0].command == "one --with arguments\\x1b[31m"


def test_services_in_trouble_come_first() -> None:
    def info(name: str, state: str, healthy: bool | None) -> pb.ServiceInfo:
        health = pb.ServiceHealth(unknown=healthy is None, healthy=bool(healthy), last_message="too slow")
        event = pb.ServiceEvent(msg="said", state=state, ts=Timestamp(seconds=5))
        return pb.ServiceInfo(id=name, state=state, health=health, events=pb.ServiceEvents(events=[event]))

    services = Services()
    rows = [info("a", "Running", True), info("b", "Running", False), info("c", "Failed", None)]
    services.take(pb.ServiceList(services=[*rows, info("d", "Finished", False)]))
    assert [(s.id, s.health, s.message) for s in services.found] == [
        ("b", "unhealthy", "too slow"),
        ("c", "", "said"),
        ("a", "healthy", "said"),
        ("d", "unhealthy", "too slow"),
    ]
    assert services.troubled == 2


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(0, 30)))
def test_lines_are_the_same_however_they_come(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    log, whole = Log(), Log()
    whole.take(data)
    for cut in cuts:
        log.take(data[:cut])
        data = data[cut:]
    log.take(data)
    assert list(log.lines.kept) == list(whole.lines.kept)
    assert all(line.isprintable() for line in log.lines.kept)  # nothing in it speaks to the terminal
    assert log.lines.count == len(lines)


def test_a_log_keeps_its_end() -> None:
    log = Log()
    for number in range(LINES + 5):
        log.take(f"{number}\n".encode())
    assert (log.lines.count, len(log.lines.kept), log.lines.kept[0]) == (LINES + 5, LINES, "5")
    assert log.lines.since(LINES + 3) == [str(LINES + 3), str(LINES + 4)]
    assert len(log.lines.since(0)) == LINES
    log.take(b"x" * 10_000)  # a line without an end is shown before it has one
    assert log.lines.count == LINES + 6
    log.begin("other")
    assert (log.name, log.lines.count) == ("other", 0)


@pytest.mark.parametrize(
    ("message", "about", "said"),
    [
        (
            pb.ServiceStateEvent(service="cri", action=pb.ServiceStateEvent.RUNNING, message="up"),
            "service",
            "cri Running: up",
        ),
        (pb.SequenceEvent(sequence="boot", action=pb.SequenceEvent.START), "sequence", "boot start"),
        (pb.PhaseEvent(phase="config", action=pb.PhaseEvent.STOP), "phase", "config stop"),
        (pb.TaskEvent(task="load", action=pb.TaskEvent.START), "task", "load start"),
        (pb.MachineStatusEvent(stage=pb.MachineStatusEvent.SHUTTING_DOWN), "machine", "shutting down, not ready: "),
        (pb.AddressEvent(hostname="a", addresses=["b", "c"]), "address", "a b, c"),
        (pb.ConfigLoadErrorEvent(error="bad\x07"), "config", "bad\\x07"),
        (pb.RestartEvent(cmd=3), "restart", "cmd=3"),
    ],
)
def test_events_are_sentences(message: Message, about: str, said: str) -> None:
    happenings = Happenings()
    packed = Any(type_url=f"talos/runtime/{message.DESCRIPTOR.full_name}", value=message.SerializeToString())
    happenings.take(pb.Event(id=str(Xid(7, b"abcde", 1)), data=packed))
    (event,) = happenings.tail.since(0)
    assert (event.at, event.about, event.said) == (7, about, said)


@pytest.mark.parametrize("kind", ["Novel", "Task"])
def test_an_event_that_nobody_understands_is_named(kind: str) -> None:
    happenings = Happenings()
    packed = Any(type_url=f"talos/runtime/machine.{kind}Event", value=b"\xff")
    happenings.take(pb.Event(id=str(Xid(7, b"abcde", 1)), data=packed))
    assert happenings.tail.kept[0].about == kind.lower()


def test_facts_come_and_go() -> None:
    known = Facts()
    assert (known.hostname, known.stage, known.ready, known.addresses, known.gateways) == ("", "", False, [], [])
    known.take(facts.STAGE, "machine", {"stage": "booting", "status": {"unmetConditions": [{"name": "a"}]}})
    known.take(facts.HOSTNAME, "hostname", {"hostname": "n\x1b"})
    known.take(facts.ADDRESSES, "current", {"addresses": ["10.0.0.1/24"]})
    known.take(facts.ROUTES, "1", {"gateway": "10.0.0.254", "outLinkName": "eth0"})
    known.take(facts.ROUTES, "2", {"gateway": "10.0.0.9", "dst": "10.1.0.0/16"})
    known.take(facts.RESOLVERS, "resolvers", {"dnsServers": "not a list"})
    assert (known.stage, known.unmet, known.hostname) == ("booting", ["a: "], "n\\x1b")
    assert (known.addresses, known.gateways, known.resolvers) == (["10.0.0.1/24"], ["10.0.0.254 (eth0)"], [])
    known.take(facts.ROUTES, "1", None)
    known.begin(facts.STAGE)
    assert (known.gateways, known.stage) == ([], "")


def test_a_node_is_late_only_while_it_is_thought_to_answer() -> None:
    node = Fleet.of(("n",)).nodes["n"]
    assert (node.title, node.status) == ("n", "connecting")
    node.turned(Reach.UP, 5.0)
    node.heard = 6.0
    assert (node.late(8.0, 3.0), node.late(10.0, 3.0)) == (None, 4.0)
    node.turned(Reach.DOWN, 11.0, "gone")
    assert (node.late(99.0, 3.0), node.status, node.since) == (None, "unreachable", 11.0)
    node.turned(Reach.DOWN, 12.0, "gone for good")
    assert (node.since, node.reason) == (11.0, "gone for good")
