"""The exchange on two control planes and a worker that run: begun, broken off at every step, begun again, while others
call without pause. Nobody is ever refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from google.protobuf.empty_pb2 import Empty

from core.base.clock import SystemClock
from core.base.errors import Conflict, NotReady
from core.cli.rotation.access import Output, tls
from core.cli.rotation.authorities import Held, identity
from core.cli.rotation.members import Members
from core.cli.rotation.steps import Rotation
from core.cli.target import Nodes
from core.config import client
from core.config.load import load
from core.node.resources.config import MachineConfig
from core.node.resources.secrets import APICerts
from core.pki import issue
from core.rpc.client import Channel
from core.rpc.pb.machine import machine_pb2 as pb
from core.rpc.status import Code, RpcError
from tests.cli.rotation.conftest import Run
from tests.cli.rotation.nodes import ADDRESSES, Machines, administrator, machines

DOOR = f"{ADDRESSES['cp-1']}:50000"
# before or behind which config of a run it is killed. Of those killed before a node has the new authority's key, none
# can go on with it; each from then on gets one config further.
KILLS = [(1, False), (1, True), (2, True), (3, True), (4, False), (4, True), *[(1, True)] * 5]


class Killed(Exception):
    """The program is no more."""


class Mortal(Members):
    """Who is killed before the n-th config it applies, or right behind it."""

    def __init__(self, nodes: Nodes, left: int, *, behind: bool) -> None:
        super().__init__(nodes)
        self._left, self._behind = left, behind

    async def apply(self, name: str, text: bytes) -> None:
        self._left -= 1
        if self._left == 0 and not self._behind:
            raise Killed
        await super().apply(name, text)
        if self._left == 0:
            raise Killed


def _file(folder: Path) -> Path:
    path = folder / "talosconfig"
    if not path.exists():
        path.write_bytes(client.save(client.ClientConfig(context="c", contexts={"c": administrator()})))
    return path


def _context(folder: Path) -> client.Context:
    return client.load(_file(folder).read_bytes()).get()


def _nodes(folder: Path, names: tuple[str, ...] = tuple(ADDRESSES.values())) -> Nodes:
    context = _context(folder)
    return Nodes(names, context.endpoints, tls(context))


def _rotation(folder: Path, members: Members) -> Rotation:
    return Rotation(members, Output(_file(folder), "c", _context(folder)), SystemClock(), lambda _: None)


def _held(found: Machines) -> list[Held]:
    texts = {name: machine.store.get(MachineConfig.at("v1alpha1")).spec for name, machine in found.items()}
    return [Held.of(name, load(text.yaml_marshalled)) for name, text in texts.items()]


def _only(found: Machines) -> bytes:
    """The one authority that all nodes hold, serve with and believe."""
    held = _held(found)
    (authority,) = {identity(one.own.crt): one.own.crt for one in held}.values()
    for one in held:
        assert one.trusted.keys() == {identity(authority)}
        assert bool(one.own.key) is one.leads
    for machine in found.values():
        spec = machine.store.get(APICerts.at("api")).spec
        assert [identity(accepted.crt) for accepted in spec.accepted_cas] == [identity(authority)]
        assert issue.issued_by(spec.server.crt, authority)
    return authority


class Callers:
    """Who calls the worker through a control plane without pause: over one connection, and over new ones by whatever
    the client config says at the moment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls = 0

    async def on_one(self) -> None:
        async with Channel(DOOR, tls(_context(self._folder))) as channel:
            while True:
                await self.call(channel)

    async def on_many(self) -> None:
        while True:
            await self.anew()

    async def anew(self) -> None:
        """Call over a new connection."""
        async with Channel(DOOR, tls(_context(self._folder))) as channel:
            await self.call(channel)

    async def call(self, channel: Channel) -> None:
        """Every node once."""
        for to in ADDRESSES.values():
            reply = await channel.unary(
                "/machine.MachineService/Version", Empty(), pb.VersionResponse, [("node", to)], timeout=20
            )
            assert ADDRESSES[reply.messages[0].version.tag] == to
            self.calls += 1


async def _while_called(folder: Path, work: Callable[[], Awaitable[None]]) -> int:
    """How many calls were answered meanwhile; one that fails fails this."""
    callers = Callers(folder)
    calling = [asyncio.create_task(callers.on_one()), asyncio.create_task(callers.on_many())]
    working = asyncio.ensure_future(work())
    try:
        await asyncio.wait([working, *calling], return_when=asyncio.FIRST_COMPLETED)
        for caller in calling:
            assert not caller.done(), caller.exception()
        await working
    finally:
        for task in (working, *calling):
            task.cancel()
        await asyncio.wait([working, *calling])
    return callers.calls


def test_nobody_is_refused_and_nothing_of_the_old_is_left(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        async with machines(tmp_path) as found:
            first, before = _only(found), _context(tmp_path)

            async def work() -> None:
                await _rotation(tmp_path, Members(_nodes(tmp_path))).run()

            assert await _while_called(tmp_path, work)
            assert identity(_only(found)) != identity(first)
            context = _context(tmp_path)
            assert context.ca == _only(found)
            assert (context.endpoints, context.nodes) == (before.endpoints, before.nodes)
            assert _file(tmp_path).stat().st_mode & 0o777 == 0o600
            for address in ADDRESSES.values():  # of the past: no door lets it in
                async with Channel(f"{address}:50000", tls(before)) as channel:
                    with pytest.raises(RpcError) as caught:
                        await channel.connection()
                    assert caught.value.code is Code.UNAVAILABLE

    run(test)


def test_killed_at_any_step_it_goes_on(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        async with machines(tmp_path) as found, Channel(DOOR, tls(_context(tmp_path))) as first:
            before = identity(_only(found))
            callers = Callers(tmp_path)
            await callers.call(first)
            for left, behind in KILLS:
                with pytest.raises(Killed):
                    await _rotation(tmp_path, Mortal(_nodes(tmp_path), left, behind=behind)).run()
                await callers.call(first)
                await callers.anew()
            applied = sum(machine.applied for machine in found.values())
            await _rotation(tmp_path, Members(_nodes(tmp_path))).run()
            assert sum(machine.applied for machine in found.values()) == applied  # all but the client config was done
            assert _context(tmp_path).ca == _only(found)
            assert identity(_only(found)) != before

    run(test)


def test_killed_before_the_last_write_only_that_is_left(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with machines(tmp_path) as found:
            with monkeypatch.context() as patched:
                patched.setattr(Rotation, "_conclude", _dies)
                with pytest.raises(Killed):
                    await _rotation(tmp_path, Members(_nodes(tmp_path))).run()
            authority = _only(found)
            assert _context(tmp_path).ca != authority
            applied = {name: machine.applied for name, machine in found.items()}
            await _rotation(tmp_path, Members(_nodes(tmp_path))).run()
            assert _context(tmp_path).ca == authority
            assert {name: machine.applied for name, machine in found.items()} == applied

    run(test)


def _dies(*_: object) -> None:
    raise Killed


def test_who_is_away_or_left_out_is_named_and_nothing_changes(run: Run, tmp_path: Path) -> None:
    async def test() -> None:
        async with machines(tmp_path, ["cp-1", "w-1"]) as found:
            with pytest.raises(NotReady, match=r"10\.9\.0\.2 does not answer"):
                await _rotation(tmp_path, Members(_nodes(tmp_path))).run()
            with pytest.raises(Conflict, match=r"cp-1, which the endpoint .* leads to, is not among"):
                await _rotation(tmp_path, Members(_nodes(tmp_path, (ADDRESSES["w-1"],)))).run()
            found["w-1"].put("persistent", MachineConfig(yaml_marshalled=b"machine: {}"))
            with pytest.raises(Conflict, match=r"10\.9\.0\.3 has a config on trial"):
                await _rotation(tmp_path, Members(_nodes(tmp_path, tuple(ADDRESSES[name] for name in found)))).run()
            assert not any(machine.applied for machine in found.values())

    run(test)
