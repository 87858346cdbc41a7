"""The table of named descriptors."""

import os
import socket

import pytest

from core.base.errors import Invalid
from core.linux import init as client
from tests.support.ask import replaced, settled
from tests.support.pid1 import Node, until


def memory(content: bytes) -> int:
    fd = os.memfd_create("test")
    os.write(fd, content)
    return fd


def content(fd: int | None) -> bytes:
    assert fd is not None
    try:
        return os.pread(fd, 100, 0)
    finally:
        os.close(fd)


def test_put_get_replace_drop(running: Node) -> None:
    init = running.init()
    for text in (b"first", b"second"):
        fd = memory(text)
        init.put("thing", fd)
        os.close(fd)
        assert content(init.get("thing")) == text
    assert init.names().count("thing") == 1
    init.drop("thing")
    assert init.get("thing") is None
    with pytest.raises(FileNotFoundError, match="thing"):
        init.drop("thing")


def test_the_table_ends_at_256(running: Node) -> None:
    init = running.init()
    settled(running)
    fd = memory(b"x")
    with pytest.raises(OSError, match="No space left"):
        for number in range(257):
            init.put(f"n{number}", fd)
    assert len(init.names()) == 256
    init.put("n0", fd)  # a name that is there takes no new place
    os.close(fd)


def test_names_have_a_length(running: Node) -> None:
    init = running.init()
    fd = memory(b"x")
    init.put("n" * 63, fd)
    assert "n" * 63 in init.names()
    with pytest.raises(Invalid):
        init.put("n" * 64, fd)
    with pytest.raises(OSError, match="Invalid argument"):
        init.put("", fd)
    os.close(fd)


def test_what_was_put_survives_spawner_and_machined(running: Node) -> None:
    init = running.init()
    before = settled(running)
    fd = memory(b"kept")
    init.put("ring.kernel", fd)
    os.close(fd)
    for name in ("machined", "spawner"):
        running.kill(before[name])
        replaced(running, name, before[name])
    assert content(init.get("ring.kernel")) == b"kept"


@pytest.mark.parametrize("message", [b"", b"x", b"\0" * 79, b"\0" * 81, b"\xff" * 80])
def test_nonsense_is_hung_up_on(running: Node, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(running.path("/run/ichor/init.sock")))
        connection.send(message)
        assert connection.recv(100) == b""
    assert running.init().status().spawner_starts == 1


def test_an_unknown_request_is_refused_and_the_socket_stays(running: Node) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(running.path("/run/ichor/init.sock")))
        for _ in range(2):
            connection.send(client.REQUEST.pack(99, 0, 0, b""))
            assert client.REPLY.unpack(connection.recv(100))[0] == 38  # ENOSYS


def test_a_descriptor_sent_with_another_request_does_not_stay(running: Node) -> None:
    settled(running)
    init = running.init()
    init.status()
    held = len(list(running.path("/proc/1/fd").iterdir()))
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(str(running.path("/run/ichor/init.sock")))
        socket.send_fds(connection, [client.REQUEST.pack(client.Op.BEAT, 0, 0, b"")], [write])
        connection.recv(100)
        os.close(write)
        assert os.read(read, 1) == b""  # the last write end is gone
    os.close(read)
    until(lambda: len(list(running.path("/proc/1/fd").iterdir())) <= held)
    init.close()


def test_the_seventeenth_client_is_hung_up_on_and_a_free_place_serves_again(running: Node) -> None:
    settled(running)  # spawner and machined hold two
    clients = []
    while _serves(running):
        clients.append(running.init())
        clients[-1].names()
    assert 10 <= len(clients) <= 14
    clients.pop().close()
    until(lambda: _serves(running))


def _serves(node: Node) -> bool:
    try:
        with node.init() as init:
            return bool(init.names())
    except OSError:
        return False


def test_the_socket_is_root_only(running: Node) -> None:
    assert running.path("/run/ichor/init.sock").stat().st_mode & 0o777 == 0o600
