"""One NTP exchange over real UDP in a namespace."""

import asyncio

import pytest

from core.base.errors import Invalid, NotReady
from core.linux.network import Network
from core.linux.ntp import query
from tests.support.clock import FakeClock, on_loop
from tests.support.netns import namespace
from tests.support.timeserver import serving


@on_loop
async def test_an_offset_is_measured() -> None:
    clock = FakeClock()
    with namespace() as near, Network(near.fd) as network:
        async with serving(near, "127.0.0.1", lambda: clock.now() + 12.5) as server:
            sample = await query(network, "127.0.0.1", clock)
        assert sample.offset == pytest.approx(12.5, abs=1e-6)
        assert (sample.delay, sample.stratum, server.asked) == (0.0, 1, 1)


@on_loop
async def test_silence_ends_with_patience() -> None:
    clock = FakeClock()
    with namespace() as near, Network(near.fd) as network:
        async with serving(near, "127.0.0.1", clock.now) as server:
            server.silent = True
            asking = asyncio.create_task(query(network, "127.0.0.1", clock, timeout=3.0))
            await server.was_asked.wait()
            await clock.advance(3.5)
            with pytest.raises(NotReady, match="does not answer"):
                await asking


@on_loop
async def test_a_closed_port_is_an_error_of_the_kernels() -> None:
    with namespace() as near, Network(near.fd) as network, pytest.raises(ConnectionRefusedError):
        await query(network, "127.0.0.1", FakeClock())


@on_loop
async def test_what_is_no_name_is_said_to_be_none() -> None:
    with namespace() as near, Network(near.fd) as network, pytest.raises(Invalid, match="no name"):
        await query(network, "x" * 70 + ".example", FakeClock())
