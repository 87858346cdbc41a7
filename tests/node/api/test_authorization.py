"""Every method, every role, with and without a config, against the format's table (authorization.tsv): by the function
that decides, and by what a caller is told at the door and at the socket behind it."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from core.node.api.roles import CONFIGURED, HEADER, allowed
from core.node.resources.config import AcquireConfigStatus
from core.rpc.client import Channel
from core.rpc.metadata import Pairs
from core.rpc.status import Code, RpcError
from core.rpc.tls import ClientTLS
from tests.node.front.doors import STRANGER, Machined, served, tls
from tests.support.clock import on_loop
from tests.support.protos import methods

LETTERS: Final = {
    "A": "os:admin",
    "O": "os:operator",
    "R": "os:reader",
    "E": "os:etcd:backup",
    "I": "os:image:verifier",
    "M": "os:meta:writer",
}
ROLES: Final = (*LETTERS.values(), "os:impersonator", "os:Admin", "somebody")


def _table() -> dict[str, str]:
    lines = Path(__file__).with_name("authorization.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")][1:]
    return {f"/{service}/{rpc}" if service else f"/{rpc}": roles for service, rpc, roles in rows}


TABLE: Final = _table()


def expected(method: str, *, maintenance: bool) -> set[str]:
    """Who may call it."""
    always, _, then = TABLE[method].partition(" ")
    if maintenance and then == "-":
        return set()
    letters = always + (then.removesuffix("*") if maintenance else "")
    return {LETTERS[letter] for letter in letters}


def test_the_table_has_every_method() -> None:
    known = {path for path in methods() if not path.startswith("/securityapi.")}
    assert set(TABLE) == known | CONFIGURED


@pytest.mark.parametrize("maintenance", [False, True])
def test_every_method_for_every_role(maintenance: bool) -> None:
    for method in TABLE:
        said = {role for role in ROLES if allowed(method, [role], maintenance)}
        assert said == expected(method, maintenance=maintenance), method
        assert not allowed(method, [], maintenance)


async def refused(channel: Channel, pairs: Pairs = ()) -> set[str]:
    """The methods that are not for the caller."""

    async def one(method: str) -> str | None:
        async with channel.raw(method, pairs) as call:
            await call.end(b"")
            try:
                async for _ in call:
                    break
            except RpcError as error:
                if (error.code, error.message) == (Code.PERMISSION_DENIED, "not authorized"):
                    return method
        return None

    return {method for method in await asyncio.gather(*map(one, TABLE)) if method is not None}


def _refused_to(role: str, *, maintenance: bool = False) -> set[str]:
    return {method for method in TABLE if role not in expected(method, maintenance=maintenance)}


@on_loop
async def test_at_the_door(tmp_path: Path) -> None:
    machined = Machined(answers=False)
    async with served(tmp_path, machined) as (_, address):
        machined.join()
        for role in ROLES:
            async with Channel(address, tls(role)) as channel:
                assert await refused(channel) == _refused_to(role), role
                assert await refused(channel, [(HEADER, "os:admin")]) == _refused_to(
                    role if role != "os:impersonator" else "os:admin"
                )
        async with Channel(address, tls()) as channel:
            assert await refused(channel, [(HEADER, "os:admin")]) == set(TABLE)
        async with Channel(address, tls("os:operator", "os:meta:writer", "somebody")) as channel:
            assert await refused(channel) == _refused_to("os:operator") & _refused_to("os:meta:writer")


@on_loop
async def test_behind_the_door(tmp_path: Path) -> None:
    machined = Machined(answers=False)
    async with served(tmp_path, machined), Channel(tmp_path / "node.sock") as channel:
        assert await refused(channel) == set(TABLE)  # nobody knows yet whether there is a config
        machined.join()
        assert await refused(channel) == set(TABLE)
        for role in ROLES:
            assert await refused(channel, [(HEADER, role)]) == _refused_to(role), role


@pytest.mark.parametrize("shown", [STRANGER, tls("os:admin")])
@on_loop
async def test_without_a_config_everybody_is_a_reader(tmp_path: Path, shown: ClientTLS) -> None:
    machined = Machined(answers=False)
    async with served(tmp_path, machined) as (_, address):
        machined.house.put("config", AcquireConfigStatus())
        machined.serve_with(verified=False)
        async with Channel(address, shown) as channel:
            for pairs in ((), [(HEADER, "os:admin")]):
                assert await refused(channel, pairs) == _refused_to("os:reader", maintenance=True)
