"""A daemon's listening socket outlives its processes: whoever comes meanwhile waits, and is refused by nobody."""

import os
import signal
import socket
import struct

from ext.netlink.socket import socket_in
from tests.support.ask import answering, ask, replaced, settled
from tests.support.pid1 import Node, until

APID, TRUSTD = 50000, 50001


def inside(node: Node) -> socket.socket:
    """A TCP socket in the node's network."""
    with open(f"/proc/{node.pid}/ns/net") as space:
        return socket.socket(fileno=socket_in(space.fileno(), socket.AF_INET, socket.SOCK_STREAM))


def come(node: Node, port: int = APID) -> socket.socket:
    """A connection to a door. Raises ConnectionRefusedError."""
    caller = inside(node)
    caller.settimeout(30)
    try:
        caller.connect(("127.0.0.1", port))
    except OSError:
        caller.close()
        raise
    return caller


def received(caller: socket.socket) -> int:
    """By which process; 0 if it was killed over it."""
    with caller:
        try:
            return int(caller.recv(16) or 0)
        except ConnectionResetError:
            return 0


def another(node: Node, *old: int) -> int:
    """Who receives, once that is none of these."""
    found = 0

    def look() -> bool:
        nonlocal found
        found = received(come(node))
        return found not in (0, *old)

    until(look, what="another apid at the door")
    return found


def refused(node: Node, port: int) -> bool:
    try:
        come(node, port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_who_comes_while_nobody_is_there_waits(running: Node) -> None:
    before = settled(running)
    assert received(come(running)) == before["apid"]
    running.kill(before["spawner"], signal.SIGSTOP)
    running.kill(before["apid"])
    until(lambda: ") Z " in running.path(f"/proc/{before['apid']}/stat").read_text(), what="its end")
    callers = [come(running) for _ in range(100)]
    running.kill(before["spawner"], signal.SIGCONT)
    assert {received(caller) for caller in callers} == {replaced(running, "apid", before["apid"])}


def test_the_door_stays_when_the_spawner_dies_too(running: Node) -> None:
    before = settled(running)
    running.kill(before["spawner"], signal.SIGSTOP)
    running.kill(before["apid"])
    caller = come(running)
    running.kill(before["spawner"])
    assert received(caller) == replaced(running, "apid", before["apid"])


def test_one_that_leaves_has_a_successor_at_once(running: Node) -> None:
    before = settled(running)
    assert received(come(running)) == before["apid"]
    running.kill(before["apid"], signal.SIGUSR2)
    new = another(running, before["apid"])
    assert {before["apid"], new} <= set(running.processes())
    until(lambda: ["apid", new, None, True] in ask(running, "news"), what="its news")
    running.kill(before["machined"])  # to fork another the spawner must know all that it holds
    answering(running, before["machined"])
    assert running.pid_of("ichor-spawner") == before["spawner"]
    running.kill(before["apid"])
    until(lambda: before["apid"] not in running.processes(), what="who left to be reaped")
    assert received(come(running)) == new
    assert [item for item in ask(running, "news") if item[0] == "apid"] == [["apid", new, None, True]]
    held = running.init().names()
    assert [name for name in held if name.startswith("spawner.apid.")] == sorted(
        ["spawner.apid.control", *(name for name in held if name.startswith(f"spawner.apid.{new}."))]
    )


def test_one_that_left_dies_with_the_spawner_s_memory(running: Node) -> None:
    before = settled(running)
    assert received(come(running)) == before["apid"]
    running.kill(before["apid"], signal.SIGUSR2)
    apid = another(running, before["apid"])
    for _ in range(3):
        running.kill(apid, signal.SIGSEGV)
        apid = another(running, apid)
    until(lambda: before["apid"] not in running.processes(), what="who left to be reaped")
    assert running.pid_of("ichor-spawner") == before["spawner"]


def test_a_door_that_nobody_wants_is_shut(running: Node) -> None:
    settled(running)
    assert refused(running, TRUSTD)
    ask(running, "want", name="trustd", wanted=True)
    first = replaced(running, "trustd", 0)
    until(lambda: not refused(running, TRUSTD), what="its door")
    running.kill(first, signal.SIGKILL)
    assert not refused(running, TRUSTD)
    replaced(running, "trustd", first)
    ask(running, "want", name="trustd", wanted=False)
    until(lambda: refused(running, TRUSTD), what="the door to be shut")
    assert "door.trustd" not in running.init().names()


def test_a_port_that_somebody_has_ends_the_daemon_and_nobody_else(running: Node) -> None:
    before = settled(running)
    with inside(running) as squatter:
        # a reset leaves nothing behind that would keep the port
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        squatter.bind(("0.0.0.0", TRUSTD))
        squatter.listen()
        ask(running, "want", name="trustd", wanted=True)
        ends = 1 << 8  # exit code 1
        until(lambda: [item for item in ask(running, "news") if item[0] == "trustd" and item[2] == ends], what="it")
    init = running.init()
    until(lambda: "door.trustd" in init.names(), what="the door")
    news = ask(running, "news")
    assert [item[0] for item in news if item[2] is not None] == ["trustd"] * sum(item[2] == ends for item in news)
    assert running.pid_of("ichor-spawner") == before["spawner"]


def test_the_socket_is_the_daemon_s_and_init_s_alone(running: Node) -> None:
    pids = settled(running)
    received(come(running))  # so that it is there
    fd = running.init().get("door.apid")
    assert fd is not None
    with socket.socket(fileno=fd) as door:
        inode = f"socket:[{os.fstat(door.fileno()).st_ino}]"
    seen = {name: running.path(f"/proc/{pid}/fd").iterdir() for name, pid in {**pids, "init": 1}.items()}
    holders = {name for name, entries in seen.items() if inode in {str(entry.readlink()) for entry in entries}}
    assert holders == {"apid", "init"}
