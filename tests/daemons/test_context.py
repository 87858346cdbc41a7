"""A daemon's words to the spawner when the socket is full: nothing that matters is lost."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from daemons.context import BEAT, Context

Run = Callable[[Coroutine[Any, Any, None]], None]
WORD = 256


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A daemon's end of a control socket that takes no more, and the spawner's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        theirs.setblocking(False)
        _fill(ours)
        yield ours, theirs


def _fill(sock: socket.socket) -> None:
    sock.setblocking(False)
    try:
        while True:
            sock.send(BEAT)
    except BlockingIOError:
        return


async def _words(theirs: socket.socket, count: int) -> list[bytes]:
    """The next words that are no beats."""
    loop, words = asyncio.get_running_loop(), list[bytes]()
    async with asyncio.timeout(30):
        while len(words) < count:
            word = await loop.sock_recv(theirs, WORD)
            if word != BEAT:
                words.append(word)
    return words


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_wish_is_told_when_there_is_room(run: Run, ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends

    async def scenario() -> None:
        context = Context("machined", None, ours, 4.0)
        for name, wanted in (("trustd", True), ("apid", True), ("trustd", False)):
            context.want(name, wanted)
        assert await _words(theirs, 2) == [b"Sapid", b"Etrustd"]
        _fill(ours)
        context.beat()  # which may be lost
        context.want("trustd", True)
        context.want("trustd", True)
        assert await _words(theirs, 1) == [b"Strustd"]
        context.want("apid", False)
        assert await _words(theirs, 1) == [b"Eapid"]

    run(scenario())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_job_waits_for_room_beside_one_who_listens(run: Run, ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends

    async def listen(context: Context) -> None:
        async for _ in context.news():
            raise AssertionError("nobody said anything")

    async def scenario() -> None:
        context = Context("machined", None, ours, 4.0)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen(context))
            asked = group.create_task(context.work("core:double", b"x"))
            await asyncio.sleep(0)
            assert not asked.done()
            context.want("trustd", True)
            theirs.setblocking(True)
            assert await asyncio.to_thread(_serve, theirs) == [b"Strustd", b"Wcore:double"]
            assert await asked == b"xx"
            listening.cancel()

    run(scenario())


def _serve(theirs: socket.socket) -> list[bytes]:
    """The spawner and its worker: answer the first job. All words up to it that are no beats."""
    words = list[bytes]()
    while True:
        word, fds, _, _ = socket.recv_fds(theirs, WORD, 1)
        if word != BEAT:
            words.append(word)
        if fds:
            break
    with socket.socket(fileno=fds[0]) as sock:
        payload = b"".join(iter(lambda: sock.recv(WORD), b""))
        sock.sendall(b"O" + payload * 2)
    return words
