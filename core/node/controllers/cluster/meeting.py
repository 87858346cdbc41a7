"""One conversation with a control plane about who is in the cluster, without end: leave one's own, take what the others
left, ask again. Knows nothing of what is in the sealed."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Final, NamedTuple

from core.base.backoff import Backoff
from core.base.clock import Clock
from core.cluster.discovery.table import LIFETIME, Entry, Table
from core.rpc.client import Channel
from core.rpc.pb.discovery import discovery_pb2 as pb
from core.rpc.status import RpcError
from core.rpc.tls import ClientTLS

_log = logging.getLogger("discovery")
PORT: Final = 50001
HERE: Final = ""  # as the host of this node's own table
_MEET: Final = "/ichor.discovery.Affiliates/Meet"
_DIAL_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 100.0  # one is held for a minute
_BRIEF: Final = 1.0  # an answer that says nothing new comes later than that


class Door(NamedTuple):
    """A control plane's, and what opens it."""

    host: str
    authorities: bytes
    token: str


class Own(NamedTuple):
    """What this node leaves."""

    node_id: str
    sealed: bytes
    stamp: int


class Brought(NamedTuple):
    """What another left; it is forgotten at `until` (monotonic seconds)."""

    node_id: str
    sealed: bytes
    until: float


class Mail:
    """Between the controller and its conversations: what to leave, and what was brought and not read yet. `wake` is
    called when there is something to read. `tried` has the stamp of what was left last, or could not be, by host."""

    def __init__(self) -> None:
        self.own: Own | None = None
        self.tried: dict[str, int] = {}
        self.wake: Callable[[], None] = lambda: None
        self._brought: list[Brought] = []
        self._other = asyncio.Event()

    def leave(self, own: Own | None) -> None:
        """From now on this."""
        self.own = own
        other, self._other = self._other, asyncio.Event()
        other.set()

    async def another(self) -> None:
        """Come back when there is another thing to leave."""
        await self._other.wait()

    def done(self, host: str, own: Own | None) -> None:
        """That was left there, or nobody is there to take it."""
        if own is not None and self.tried.get(host) != own.stamp:
            self.tried[host] = own.stamp
            self.wake()

    def bring(self, entries: Iterable[Entry], now: float) -> None:
        """For the controller."""
        self._brought += [Brought(each.node_id, each.sealed, now + min(each.left, LIFETIME)) for each in entries]
        self.wake()

    def read(self) -> list[Brought]:
        """All that was brought since."""
        brought, self._brought = self._brought, []
        return brought


async def meet(door: Door, port: int, mail: Mail, clock: Clock) -> None:
    """With one at its trustd; through every loss of it."""
    address = f"[{door.host}]:{port}" if ":" in door.host else f"{door.host}:{port}"
    backoff, revision, told = Backoff(first=0.2, cap=30.0), 0, False
    async with Channel(address, ClientTLS(door.authorities), timeout=_DIAL_SECONDS) as channel:
        while True:
            began, own = clock.monotonic(), mail.own
            try:
                answer = await _unless(mail.another(), _ask(channel, door.token, own, revision))
            except RpcError as error:
                mail.done(door.host, own)
                if not told:
                    _log.info("%s tells nothing of the cluster: %s", door.host, error)
                told, revision = True, 0
                await clock.sleep(backoff.failed())
                continue
            if answer is None:
                continue
            backoff.succeeded()
            told = False
            mail.done(door.host, own)
            if answer.revision == revision and clock.monotonic() - began < _BRIEF:
                await clock.sleep(_BRIEF)
            revision = answer.revision
            entries = [Entry(each.node_id, each.sealed, float(each.left)) for each in answer.entries]
            mail.bring(entries, clock.monotonic())


async def meet_here(table: Table, mail: Mail, clock: Clock) -> None:
    """With this control plane's own table."""
    while True:
        if mail.own is not None:
            table.leave(*mail.own)
            mail.done(HERE, mail.own)
        revision = table.revision
        mail.bring(table.entries(), clock.monotonic())
        await _first(table.beyond(revision), mail.another(), clock.sleep(LIFETIME / 3))


async def _ask(channel: Channel, token: str, own: Own | None, revision: int) -> pb.MeetResponse:
    entry = None if own is None else pb.Entry(node_id=own.node_id, sealed=own.sealed)
    request = pb.MeetRequest(own=entry, revision=revision)
    return await channel.unary(_MEET, request, pb.MeetResponse, [("token", token)], timeout=_ANSWER_SECONDS)


async def _unless(
    event: Coroutine[None, None, None], call: Coroutine[None, None, pb.MeetResponse]
) -> pb.MeetResponse | None:
    """The answer; None, and the call is given up, if the event comes first."""
    asked, other = asyncio.ensure_future(call), asyncio.ensure_future(event)
    try:
        await asyncio.wait([asked, other], return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else None
    finally:
        asked.cancel()
        other.cancel()
        await asyncio.wait([asked, other])


async def _first(*waits: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
