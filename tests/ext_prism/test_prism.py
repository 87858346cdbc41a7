"""The balancer with real upstreams that are killed, frozen, slow, full: who gets the next connection, and what becomes
of those that stand. As it is built, and instrumented."""

import contextlib
import hashlib
import os
import random
import resource
import signal
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ext_prism.house import ALERT, Prism, Upstream, built, free_port, in_thread, prism, upstream, whole

ADDRESSES = ("127.0.1.1", "127.0.1.2", "127.0.1.3")


@pytest.fixture(scope="module", params=[False, True], ids=["as built", "instrumented"])
def program(request: pytest.FixtureRequest) -> Path:
    return built(request.param)


@contextlib.contextmanager
def standing(count: int) -> Iterator[list[Upstream]]:
    port = free_port("127.0.1.1")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(upstream(address, port)) for address in ADDRESSES[:count]]


def tell(running: Prism, upstreams: list[Upstream]) -> None:
    """These, and wait until all are up."""
    running.tell(*((each.address, each.port) for each in upstreams))
    running.until(lambda states: len(states) == len(upstreams) and set(states.values()) == {"up"})


def who(connection: socket.socket) -> str:
    """Which upstream it reached. The connection stays."""
    connection.sendall(b"x")
    said = b""
    while not said.endswith(b"\nx"):
        said += connection.recv(100)
    return said.partition(b"\n")[0].decode()


def reached(running: Prism) -> str:
    with running.connect() as connection:
        return who(connection)


def test_connections_go_where_the_fewest_are(tmp_path: Path, program: Path) -> None:
    with standing(3) as three, prism(tmp_path, program) as running, contextlib.ExitStack() as stack:
        tell(running, three)
        held = [stack.enter_context(running.connect()) for _ in range(30)]
        assert Counter(map(who, held)) == dict.fromkeys(ADDRESSES, 10)


def test_each_half_of_a_connection_ends_by_itself(tmp_path: Path, program: Path) -> None:
    with standing(1) as one, prism(tmp_path, program) as running:
        tell(running, one)
        with running.connect() as connection:
            connection.sendall(b"all of it")
            connection.shutdown(socket.SHUT_WR)
            assert whole(connection) == b"127.0.1.1\nall of it"


def test_who_is_not_there_is_passed_over(tmp_path: Path, program: Path) -> None:
    with standing(2) as two, prism(tmp_path, program) as running:
        nobody = ("127.0.1.9", two[0].port)
        running.tell(nobody, *((each.address, each.port) for each in two))
        assert {reached(running) for _ in range(6)} == {"127.0.1.1", "127.0.1.2"}
        running.until(lambda states: states["127.0.1.9"] == "down")


def test_one_that_is_killed_is_left_by_the_next_connection(tmp_path: Path, program: Path) -> None:
    with standing(2) as two, prism(tmp_path, program) as running:
        tell(running, two)
        two[0].kill()
        assert {reached(running) for _ in range(6)} == {"127.0.1.2"}
        assert running.until(lambda states: "down" in states.values()) == {"127.0.1.1": "down", "127.0.1.2": "up"}
        two[1].kill()
        with upstream("127.0.1.1", two[0].port):  # though it is held to be down, there is nobody else
            assert reached(running) == "127.0.1.1"
            running.until(lambda states: states["127.0.1.1"] == "up")


def test_who_finds_nobody_waits_for_the_first_that_is_up(tmp_path: Path, program: Path) -> None:
    port = free_port("127.0.1.1")
    with prism(tmp_path, program) as running, running.connect() as early:
        running.tell(("127.0.1.1", port), ("127.0.1.2", port))
        running.until(lambda states: set(states.values()) == {"down"})
        with running.connect() as late, upstream("127.0.1.2", port):
            assert {who(early), who(late)} == {"127.0.1.2"}


def test_who_waits_is_taken_to_one_that_becomes_known(tmp_path: Path, program: Path) -> None:
    with standing(1) as one, prism(tmp_path, program) as running:
        running.tell()
        running.hear()
        with running.connect() as early:
            running.tell((one[0].address, one[0].port))
            assert who(early) == "127.0.1.1"


def test_nobody_waits_for_ever(tmp_path: Path, program: Path) -> None:
    with prism(tmp_path, program, dial=300) as running:
        running.tell(("127.0.1.1", free_port("127.0.1.1")))
        with pytest.raises(ConnectionResetError), running.connect() as connection:
            connection.recv(1)


def test_one_that_is_frozen_gets_no_new_connections(tmp_path: Path, program: Path) -> None:
    with standing(2) as two, prism(tmp_path, program, every=50, answer=400) as running:
        tell(running, two)
        held = [running.connect(), running.connect()]
        mine = {who(connection): connection for connection in held}
        two[0].freeze()
        running.until(lambda states: states["127.0.1.1"] == "down")
        assert {reached(running) for _ in range(6)} == {"127.0.1.2"}
        mine["127.0.1.1"].sendall(b"late")
        two[0].thaw()
        assert mine["127.0.1.1"].recv(10) == b"late"
        running.until(lambda states: set(states.values()) == {"up"})
        for connection in held:
            connection.close()


def test_one_that_takes_no_connection_costs_a_client_no_more_than_patience(tmp_path: Path, program: Path) -> None:
    with standing(1) as one, prism(tmp_path, program, patience=300) as running, contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.1.8", one[0].port))
        full.listen(0)
        for _ in range(4):  # its queue is full: the kernel drops what comes
            stuck = stack.enter_context(socket.socket())
            stuck.setblocking(False)
            stuck.connect_ex(("127.0.1.8", one[0].port))
        running.tell(("127.0.1.8", one[0].port))
        running.hear()
        with running.connect() as first:  # on its way to the full one
            running.tell(("127.0.1.8", one[0].port), (one[0].address, one[0].port))
            running.until(lambda states: states["127.0.1.1"] == "up")
            assert reached(running) == reached(running) == "127.0.1.1"
            first.close()


def test_one_that_is_slow_stops_who_writes_and_loses_nothing(tmp_path: Path, program: Path) -> None:
    data = random.Random(7).randbytes(1 << 20) * 64
    with standing(1) as one, prism(tmp_path, program) as running:
        tell(running, one)
        with running.connect() as connection:
            assert who(connection) == "127.0.1.1"
            one[0].freeze()
            connection.settimeout(1)
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < len(data):
                    sent += connection.send(data[sent : sent + 65536])
            assert sent < len(data) / 2
            connection.settimeout(30)
            one[0].thaw()
            back = hashlib.sha256()

            def read() -> None:
                while piece := connection.recv(65536):
                    back.update(piece)

            reader = in_thread(read)
            connection.sendall(data[sent:])
            connection.shutdown(socket.SHUT_WR)
            reader.join()
            assert back.digest() == hashlib.sha256(data).digest()


def test_a_connection_that_breaks_does_not_look_finished(tmp_path: Path, program: Path) -> None:
    with socket.create_server(("127.0.1.5", 0)) as server, prism(tmp_path, program) as running:
        running.tell(server.getsockname())
        for there_first in (True, False):
            client = running.connect()
            client.sendall(b"hello")
            while (peer := server.accept()[0]).recv(5, socket.MSG_PEEK)[:1] == b"\x16":
                peer.sendall(ALERT)
                peer.close()
            peer.settimeout(30)
            assert peer.recv(5) == b"hello"
            first, second = (peer, client) if there_first else (client, peer)
            first.sendall(b"half")
            assert second.recv(4) == b"half"
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            first.close()
            with pytest.raises(ConnectionResetError):
                second.recv(1)
            second.close()


def test_who_is_taken_off_the_list_keeps_its_connections(tmp_path: Path, program: Path) -> None:
    with standing(2) as two, prism(tmp_path, program) as running:
        tell(running, two[:1])
        with running.connect() as old:
            assert who(old) == "127.0.1.1"
            tell(running, two[1:])
            assert {reached(running) for _ in range(4)} == {"127.0.1.2"}
            old.sendall(b"still")
            assert old.recv(10) == b"still"


def test_all_goes_on_without_whoever_told_it(tmp_path: Path, program: Path) -> None:
    with standing(1) as one, prism(tmp_path, program) as running:
        tell(running, one)
        with running.connect() as connection:
            assert who(connection) == "127.0.1.1"
            running.control.close()
            connection.sendall(b"on")
            assert connection.recv(10) == b"on"
            assert reached(running) == "127.0.1.1"
            running.control = running.caller()
            running.tell((one[0].address, one[0].port))
            assert running.hear()["127.0.1.1"][0] == "up"  # it remembers
            running.control.close()


@pytest.mark.parametrize(
    "packet",
    [
        *(b"nonsense", b"127.0.0.1", b"127.0.0.1 0\n", b"127.0.0.1 65536\n", b"name 1\n", b"::1 2 3\n"),
        *(b"1.2.3.4 -1\n", b"127.0.0.1 1\n" * 33, b"1" * 4097, b"127.0.0.1 6\xff\n"),
    ],
)
def test_what_is_no_list_changes_nothing(tmp_path: Path, program: Path, packet: bytes) -> None:
    with standing(1) as one, prism(tmp_path, program) as running:
        tell(running, one)
        running.control.send(packet)
        assert running.control.recv(1000) == b""
        assert reached(running) == "127.0.1.1"


def test_it_ends_with_its_last_connection(tmp_path: Path, program: Path) -> None:
    with standing(1) as one, prism(tmp_path, program) as running:
        tell(running, one)
        with running.connect() as connection:
            assert who(connection) == "127.0.1.1"
            running.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
                while True:
                    running.connect().close()
            connection.sendall(b"last")
            assert connection.recv(10) == b"last"
        assert running.process.wait(30) == 0


def test_it_takes_so_many_and_lets_the_others_wait(tmp_path: Path, program: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(8192, hard)), hard))
    with prism(tmp_path, program) as running, contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.1.6", 0), backlog=2048))
        running.tell(server.getsockname())
        server.settimeout(30)
        with server.accept()[0] as look:
            look.sendall(ALERT)
        running.until(lambda states: states == {"127.0.1.6": "up"})
        clients = [stack.enter_context(running.connect()) for _ in range(1030)]
        peers = [stack.enter_context(server.accept()[0]) for _ in range(1024)]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
        server.settimeout(30)
        clients[3].close()
        for peer in peers:
            peer.shutdown(socket.SHUT_WR)  # each waits for the other half, but one
        with server.accept()[0] as more:
            assert more.getsockname()[0] == "127.0.1.6"
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    with standing(3) as three, prism(tmp_path_factory.mktemp("prism"), built(True)) as running:
        tell(running, three)
        yield running


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 200_000), min_size=1, max_size=6), min_size=1, max_size=5), st.randoms())
def test_every_byte_arrives_once_and_in_order(echoing: Prism, plans: list[list[int]], rng: random.Random) -> None:
    """Several connections at once, each with pieces of any size."""
    seeds = [os.urandom(8) for _ in plans]
    pieces = [[b"data", *map(random.Random(seed).randbytes, plan)] for seed, plan in zip(seeds, plans, strict=True)]
    order = [index for index, each in enumerate(pieces) for _ in each]
    rng.shuffle(order)  # hypothesis may give an example up here
    answers: list[bytes] = [b""] * len(plans)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(echoing.connect()) for _ in plans]

        def hear(index: int) -> None:
            answers[index] = whole(connections[index])

        threads = [in_thread(partial(hear, index)) for index in range(len(plans))]
        rest = [iter(each) for each in pieces]
        for index in order:
            connections[index].sendall(next(rest[index]))
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        for thread in threads:
            thread.join()
    assert [answer.partition(b"\n")[2] for answer in answers] == [b"".join(each) for each in pieces]
