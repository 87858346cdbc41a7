"""What services say: a pipe and a ring each, both held by init, so that nothing is lost while machined is away and
nobody who writes gets SIGPIPE. Owns draining the pipes and waking those who follow; refuses ids it never heard of."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Final

from core.base.errors import Exhausted, NotFound
from core.linux.init import FdTable
from ext.ring import Reader, Ring

CAPACITY: Final = 1 << 18
CHUNK: Final = 1 << 16
_ROUNDS: Final = 8  # pipes' worth that one service may bring per turn of the loop


class Log:
    """One service's ring, and who waits for it to grow."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.wakers: set[Callable[[], None]] = set()
        self.hidden = 0  # bytes at the head of each record that are for its writer alone
        self.pipe: int | None = None
        self.keeper: int | None = None  # a writer of our own: without one the pipe would read as ended between runs

    def wake(self) -> None:
        """Tell the followers."""
        for waker in tuple(self.wakers):
            waker()

    async def read(self, *, tail: int = -1, follow: bool = False) -> AsyncGenerator[bytes]:
        """Its bytes in pieces of up to 64 KiB: the last `tail` lines (-1: all), then with `follow` what comes."""

        def read(reader: Reader) -> list[bytes]:
            if self.hidden:
                return [record[self.hidden :] for _, _, record in reader.read(CHUNK)]
            return list(filter(None, [reader.joined(CHUNK)]))

        async with aclosing(self._pieces(self.start(tail), follow, read)) as pieces:
            async for piece in pieces:
                yield piece

    async def records(self, start: int) -> AsyncGenerator[bytes]:
        """Each record from sequence `start` on, without end. Raises Exhausted when some were dropped before their turn,
        so that whoever counts what comes knows where he stands."""

        def read(reader: Reader) -> list[bytes]:
            found = [record[self.hidden :] for _, _, record in reader.read(CHUNK)]
            if reader.lost:
                raise Exhausted(f"{reader.lost} lines were dropped before they were read", remedy="follow anew")
            return found

        async with aclosing(self._pieces(start, True, read)) as pieces:
            async for piece in pieces:
                yield piece

    async def _pieces(self, start: int, follow: bool, take: Callable[[Reader], list[bytes]]) -> AsyncGenerator[bytes]:
        grown = asyncio.Event()
        with closing(Reader(self.ring.fileno(), start)) as reader:
            self.wakers.add(grown.set)
            try:
                while True:
                    grown.clear()
                    while pieces := take(reader):
                        for piece in pieces:
                            yield piece
                    if not follow:
                        return
                    await grown.wait()
            finally:
                self.wakers.discard(grown.set)

    def start(self, tail: int) -> int:
        """The sequence at which the last `tail` lines begin (-1: all); a long line may be several records."""
        if tail < 0:
            return self.ring.oldest
        last, span = self.ring.next - 1, tail
        while True:
            start = max(self.ring.oldest, last + 1 - span)
            with closing(Reader(self.ring.fileno(), start)) as reader:
                records = reader.read(self.ring.capacity)
            ends = [sequence for sequence, _, record in records if record.endswith(b"\n") or sequence == last]
            if len(ends) > tail:
                return ends[-tail - 1] + 1
            if start == self.ring.oldest:
                return start
            span = span * 2 + 1


class Logs:
    """All of a node's logs by id. Make it on a running loop: it takes back at once what an earlier machined left."""

    def __init__(self, table: FdTable, capacity: int = CAPACITY) -> None:
        self._table, self._capacity = table, capacity
        self._logs: dict[str, Log] = {}
        for name in table.names():
            if name.startswith("ring:"):
                self.log(name.removeprefix("ring:"))
        self.take()

    def take(self) -> None:
        """Drain every pipe that init holds, those too that others gave it, as the spawner does for our own daemons."""
        for name in self._table.names():
            id_ = name.removeprefix("log.").removesuffix(".read")
            if name == _pipe(id_) and self.log(id_).pipe is None:
                self._listen(id_, self._held(name))

    def ids(self) -> list[str]:
        """Everything that has a log."""
        return sorted(self._logs)

    def log(self, id_: str) -> Log:
        """The log called `id_`, made if there is none. One that does not hold together is replaced by an empty one."""
        found = self._logs.get(id_)
        if found is None:
            found = self._logs[id_] = Log(self._ring(f"ring:{id_}"))
        return found

    def find(self, id_: str) -> Log:
        """The log called `id_`. Raises NotFound."""
        try:
            return self._logs[id_]
        except KeyError:
            raise NotFound(f"log {id_!r} was not registered", remedy="ask for the list of logs") from None

    def sink(self, id_: str) -> int:
        """A descriptor to write to, for a process about to start; the caller closes its copy."""
        if self.log(id_).pipe is None:
            source, sink = os.pipe2(os.O_CLOEXEC)
            os.close(sink)
            self._table.put(_pipe(id_), source)
            self._listen(id_, source)
        return os.open(f"/proc/self/fd/{self.log(id_).pipe}", os.O_WRONLY | os.O_CLOEXEC)

    def fifo(self, id_: str, path: Path) -> Path:
        """A named pipe to write to, for a process that opens its output itself; the path."""
        if self.log(id_).pipe is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
            source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._table.put(_pipe(id_), source)
            self._listen(id_, source)
        return path

    def append(self, id_: str, record: bytes) -> None:
        """Write a record ourselves."""
        log = self.log(id_)
        log.ring.append(record)
        log.wake()

    def flush(self, id_: str) -> None:
        """Take what the pipe still holds and end a line left open: whoever wrote it is gone."""
        log = self.log(id_)
        if log.pipe is not None:
            self._drain(log, log.pipe)
        if log.ring.flush():
            log.wake()

    def forget(self, id_: str) -> None:
        """Drop a log with its pipe and ring."""
        log = self._logs.pop(id_, None)
        if log is not None:
            self._let_go(log)
            for name in {f"ring:{id_}", _pipe(id_)} & set(self._table.names()):
                self._table.drop(name)

    def close(self) -> None:
        """Stop draining. All of it stays with init."""
        for log in self._logs.values():
            self._let_go(log)
        self._logs.clear()

    def _listen(self, id_: str, source: int) -> None:
        log = self.log(id_)
        os.set_blocking(source, False)
        log.pipe = source
        log.keeper = os.open(f"/proc/self/fd/{source}", os.O_WRONLY | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(source, self._drain, log, source)

    def _drain(self, log: Log, source: int) -> None:
        before = log.ring.next
        try:
            for _ in range(_ROUNDS):
                log.ring.drain(source)
        except BlockingIOError:
            pass  # it is empty
        if log.ring.next != before:
            log.wake()

    def _let_go(self, log: Log) -> None:
        if log.pipe is not None:
            asyncio.get_running_loop().remove_reader(log.pipe)
        for fd in (log.pipe, log.keeper):
            if fd is not None:
                os.close(fd)
        log.ring.close()

    def _ring(self, name: str) -> Ring:
        held = self._table.get(name)
        if held is not None:
            try:
                return Ring.attach(held)
            except ValueError:
                self._table.drop(name)
            finally:
                os.close(held)
        ring = Ring.create(name, self._capacity)
        self._table.put(name, ring.fileno())
        return ring

    def _held(self, name: str) -> int:
        source = self._table.get(name)
        if source is None:
            raise NotFound(f"init holds no {name}")
        fcntl.fcntl(source, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        return source


def _pipe(id_: str) -> str:
    return f"log.{id_}.read"
