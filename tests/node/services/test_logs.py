"""Logs over real pipes and rings, with a descriptor table that outlives each set of them as init's does."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from core.base.clock import SystemClock
from core.base.errors import Exhausted, NotFound
from core.node.services.kernel import KernelLog
from core.node.services.logs import Logs
from core.node.services.ownlog import RingHandler
from tests.support.clock import on_loop, settle
from tests.support.fdtable import FdTable


@pytest.fixture
def table() -> Iterator[FdTable]:
    made = FdTable()
    yield made
    made.close()


async def text(logs: Logs, id_: str, tail: int = -1) -> bytes:
    return b"".join([piece async for piece in logs.find(id_).read(tail=tail)])


async def grown_to(logs: Logs, id_: str, count: int) -> None:
    grown = asyncio.Event()
    log = logs.log(id_)
    log.wakers.add(grown.set)
    while log.ring.next < count:
        await grown.wait()
        grown.clear()
    log.wakers.discard(grown.set)


def test_lines_arrive_whole_and_the_open_one_at_the_end(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        sink = logs.sink("cri")
        os.write(sink, b"one\ntwo\nhal")
        await grown_to(logs, "cri", 2)
        assert await text(logs, "cri") == b"one\ntwo\n"
        os.write(sink, b"f\nrest")
        os.close(sink)
        logs.flush("cri")
        assert await text(logs, "cri") == b"one\ntwo\nhalf\nrest"
        assert logs.ids() == ["cri"]
        logs.close()

    run()


def test_records_go_on_from_a_place_or_say_that_they_cannot(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table, 4096)
        for number in range(5):
            logs.append("cri", b"%d\n" % number)
        async with aclosing(logs.find("cri").records(3)) as records:
            assert [await anext(records) for _ in range(2)] == [b"3\n", b"4\n"]
            waiting = asyncio.ensure_future(anext(records))
            await settle()
            logs.append("cri", b"5\n")
            assert await waiting == b"5\n"
        for _ in range(5):
            logs.append("cri", bytes(1000))
        with pytest.raises(Exhausted, match="dropped"):
            await anext(logs.find("cri").records(3))
        logs.close()

    run()


def test_tails_count_lines_not_records(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        sink = logs.sink("x")
        long = b"l" * 40000 + b"\n"
        os.write(sink, b"a\nb\n" + long + b"c\n")
        await grown_to(logs, "x", 6)
        os.close(sink)
        expected = [b"a\n", b"b\n", long, b"c\n"]
        for tail in range(6):
            assert await text(logs, "x", tail) == b"".join(expected[len(expected) - min(tail, 4) :])
        logs.close()

    run()


def test_nothing_is_lost_between_two_machined(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        first = Logs(table)
        sink = first.sink("etcd")
        os.write(sink, b"before\npart")
        await grown_to(first, "etcd", 1)
        first.close()
        os.write(sink, b"ial\nwhile away\n")
        second = Logs(table)
        assert second.ids() == ["etcd"]
        os.write(sink, b"after\n")
        await grown_to(second, "etcd", 4)
        assert await text(second, "etcd") == b"before\npartial\nwhile away\nafter\n"
        os.close(sink)
        second.forget("etcd")
        assert table.names() == []
        second.close()

    run()


def test_a_writer_is_never_told_that_nobody_reads(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        sink = logs.sink("lonely")
        logs.close()
        assert os.write(sink, b"still here\n") == 11
        os.close(sink)

    run()


def test_pipes_that_others_gave_to_init_are_taken(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        source, sink = os.pipe()
        table.put("log.apid.read", source)
        os.close(source)
        os.write(sink, b"listening\n")
        logs.take()
        logs.take()
        await grown_to(logs, "apid", 1)
        assert await text(logs, "apid") == b"listening\n"
        os.close(sink)
        logs.close()

    run()


def test_followers_get_what_comes(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        logs.append("boot", b"first\n")
        stream = logs.find("boot").read(follow=True)
        assert await anext(stream) == b"first\n"
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        logs.append("boot", b"second\n")
        assert await waiting == b"second\n"
        await stream.aclose()
        assert not logs.find("boot").wakers
        with pytest.raises(NotFound, match="not registered"):
            logs.find("other")
        logs.close()

    run()


def test_a_fifo_for_those_who_open_their_output_themselves(table: FdTable, tmp_path: Path) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        path = logs.fifo("pod", tmp_path / "io" / "out")
        for word in (b"one\n", b"two\n"):
            sink = os.open(path, os.O_WRONLY)
            os.write(sink, word)
            os.close(sink)
        await grown_to(logs, "pod", 2)
        assert await text(logs, "pod") == b"one\ntwo\n"
        logs.close()

    run()


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="no kernel log here")
def test_the_kernel_log_is_copied_once_across_restarts(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        marks = []
        for number in range(2):
            logs = Logs(table, 1 << 22)
            kernel = KernelLog(logs.log("kernel"), SystemClock())
            marks.append(f"ichor-test-{os.getpid()}-{number}")
            stream = kernel.read(follow=True)
            Path("/dev/kmsg").write_text(f"<13>{marks[-1]}\n")
            async for message in stream:
                if message.endswith(f"{marks[-1]}\n".encode()):
                    assert message.startswith(b"user:  notice: [20")
                    break
            await stream.aclose()
            everything = [message async for message in kernel.read()]
            assert len(everything) == len(set(everything)) or number == 0
            for mark in marks:
                assert sum(mark.encode() in message for message in everything) == 1
            assert marks[-1].encode() in await text(logs, "kernel")
            assert (await text(logs, "kernel")).isascii()  # what the copier keeps in a record is for itself
            kernel.close()
            logs.close()

    run()


def test_own_messages_are_a_log_too(table: FdTable) -> None:
    @on_loop
    async def run() -> None:
        logs = Logs(table)
        handler = RingHandler(logs, "machined")
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        handler.handle(logging.makeLogRecord({"name": "a", "levelname": "INFO", "msg": "up after %d", "args": (3,)}))
        assert await text(logs, "machined") == b"INFO a: up after 3\n"
        logs.close()

    run()
