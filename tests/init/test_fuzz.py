"""Anything at all on the control socket of an instrumented init: it answers or hangs up and keeps no descriptor."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.linux import init as client
from tests.support.ask import settled
from tests.support.pid1 import Node, node, until

QUIET = [op for op in client.Op if op not in (client.Op.REBOOT, client.Op.POWEROFF, client.Op.HALT, client.Op.PUT)]
OPS = st.one_of(st.sampled_from([int(op) for op in QUIET]), st.integers(11, 2**32 - 1), st.just(0))
NAMES = st.one_of(st.binary(max_size=64), st.just(b"x" * 64), st.just(b"spawner"))
REQUESTS = st.builds(
    lambda op, zero, argument, name: struct.pack("=IIQ64s", op, zero, argument, name),
    OPS,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    NAMES,
)
MESSAGES = st.one_of(REQUESTS, st.binary(max_size=79), st.binary(min_size=81, max_size=300))


@pytest.fixture(scope="module")
def instrumented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node(tmp_path_factory.mktemp("node"), sanitize=True) as made:
        settled(made)
        yield made
        assert not made.is_over()


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(MESSAGES, st.integers(0, 3)), min_size=1, max_size=8))
def test_it_answers_or_hangs_up(instrumented: Node, messages: list[tuple[bytes, int]]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(10)
        connection.connect(str(instrumented.path("/run/ichor/init.sock")))
        for message, descriptors in messages:
            try:
                socket.send_fds(connection, [message or b"\0"], [0] * descriptors)
                answer, fds, _, _ = socket.recv_fds(connection, 1 << 16, 4)
            except (BrokenPipeError, ConnectionResetError):
                break
            for fd in fds:
                os.close(fd)
            if not answer:
                break
            assert len(answer) >= client.REPLY.size


def test_nothing_stayed_behind(instrumented: Node) -> None:
    folder: Path = instrumented.path("/proc/1/fd")
    kept = instrumented.init().status().descriptors
    # standard ones, poll, signals, timer, listener; this connection, the spawner's and machined's
    until(lambda: len(list(folder.iterdir())) <= kept + 7 + 3, what="descriptors to go")
