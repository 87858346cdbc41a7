"""When a worker's kubelet is started for the first time, by a real apiserver's word."""

import asyncio

import pytest

from core.base.clock import SystemClock
from core.base.errors import Denied
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.manifests import joining
from core.node.resources.secrets import Kubelet as Secrets
from core.node.resources.values import Certificate
from core.node.services import kubeletfiles, kubeletkey
from core.rpc.tls import ClientTLS
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, on_loop

ID, SECRET = "ghijkl", "0123456789abcdef"


@on_loop
async def test_it_waits_until_its_token_is_known(apiserver: ApiServer) -> None:
    secrets = Secrets(
        endpoint=f"https://{apiserver.address}",
        accepted_cas=(Certificate(crt=apiserver.ca),),
        bootstrap_token_id=ID,
        bootstrap_token_secret=SECRET,
    )
    waiting = asyncio.create_task(kubeletkey.admitted(lambda: kubeletfiles.bootstrap(secrets), SystemClock()))
    async with Kubernetes(apiserver.address, ClientTLS(apiserver.ca), token=f"{ID}.{SECRET}") as stranger:
        with pytest.raises(Denied):
            await stranger.ask("GET", "/version")
        assert not waiting.done()
        for thing in joining.token(ID, SECRET):
            apiserver.apply(thing)
        await waiting
        assert (await stranger.ask("GET", "/version"))["major"] == "1"


@on_loop
async def test_it_does_not_wait_for_ever() -> None:
    clock = FakeClock()
    secrets = Secrets(endpoint="https://127.0.0.1:1", accepted_cas=(), bootstrap_token_id=ID)
    waiting = asyncio.create_task(kubeletkey.admitted(lambda: kubeletfiles.bootstrap(secrets), clock))
    while not waiting.done():
        await clock.advance(kubeletkey.PATIENCE)
