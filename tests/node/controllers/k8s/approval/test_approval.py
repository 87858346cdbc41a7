"""Requests to a real apiserver, made as kubelets make them, and who answers them."""

import base64
from contextlib import AsyncExitStack
from typing import Any

from core.base.clock import SystemClock
from core.cluster.kubernetes.client import Kubernetes
from core.cluster.kubernetes.follow import follow
from core.cluster.kubernetes.manifests import joining
from core.cluster.kubernetes.paths import NODES, REQUESTS, Object, named
from core.cluster.kubernetes.requests import CLIENT, SERVING
from core.node.controllers.k8s.approval import Approval
from core.node.resources.secrets import Kubernetes as Secrets
from core.node.resources.services import Service
from core.pki import keys, requests
from core.pki.types import Algorithm
from core.rpc.tls import ClientTLS
from tests.node.controllers.house import House
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop

KEY = keys.dump(keys.new(Algorithm.P256))


def control_plane(apiserver: ApiServer) -> House:
    house = House(SystemClock(), [Approval(SystemClock(), 0.05)])
    empty = dict.fromkeys(("scheduler_kubeconfig", "controller_manager_kubeconfig", "admin_kubeconfig"), "")
    house.put("k8s-certs", Secrets(localhost_admin_kubeconfig=apiserver.kubeconfig().decode(), **empty))
    house.put("etcd", Service(running=True, healthy=True, unknown=False))
    return house


def request(name: str, signer: str, node: str, *addresses: str, needed: str = "client auth") -> Object:
    made = requests.new(KEY, f"system:node:{node}", (), addresses, (joining.NODES,))
    text = base64.b64encode(made).decode()
    spec = {"signerName": signer, "usages": ["digital signature", "key encipherment", needed], "request": text}
    return {"metadata": {"name": name}, "spec": spec}


async def answered(client: Kubernetes, name: str) -> Any:
    """The condition that answers a request."""
    states = follow(client, REQUESTS, fields=f"metadata.name={name}")
    try:
        async for state in states:
            for found in state.values():
                if conditions := found.get("status", {}).get("conditions"):
                    return conditions[0]
    finally:
        await states.aclose()


@on_loop
async def test_a_node_joins_serves_and_renews(apiserver: ApiServer) -> None:
    async with AsyncExitStack() as stack:
        for house in (control_plane(apiserver), control_plane(apiserver)):  # the first to answer counts
            await stack.enter_async_context(house.running())
        admin = await stack.enter_async_context(apiserver.client())
        for thing in (*joining.asking(), *joining.reading(), *joining.token("abcdef", "0123456789abcdef")):
            apiserver.apply(thing)
        token = Kubernetes(apiserver.address, ClientTLS(apiserver.ca), token="abcdef.0123456789abcdef")
        joiner = await stack.enter_async_context(token)
        await joiner.create(REQUESTS, request("join", CLIENT, "new"))
        assert (await answered(admin, "join"))["type"] == "Approved"

        itself = await stack.enter_async_context(apiserver.client("system:node:new", (joining.NODES,)))
        await itself.create(REQUESTS, request("serve", SERVING, "new", "10.0.0.1", needed="server auth"))
        await itself.create(REQUESTS, request("other", CLIENT, "another"))
        assert (await answered(admin, "other"))["type"] == "Denied"
        await itself.create(NODES, {"metadata": {"name": "new"}})
        addresses = [{"type": "InternalIP", "address": "10.0.0.1"}]
        conditions = [{"type": "Ready", "status": "True"}]
        status: Object = {"status": {"addresses": addresses, "conditions": conditions}}
        await itself.patch(NODES, "new", status, part="status")
        assert (await answered(admin, "serve"))["message"] == "the node names itself and its own addresses"
        await itself.create(REQUESTS, request("renew", CLIENT, "new"))
        assert (await answered(admin, "renew"))["type"] == "Approved"

        await joiner.create(REQUESTS, request("steal", CLIENT, "new"))
        await joiner.create(REQUESTS, request("bad", CLIENT, "fine", "10.0.0.1"))
        assert (await answered(admin, "bad"))["type"] == "Denied"
        assert not (await admin.get(REQUESTS, "steal")).get("status", {}).get("conditions")
        await admin.delete(NODES, "new")
        assert (await answered(admin, "steal"))["type"] == "Approved"  # nobody has the name any more
        assert named(await itself.get(REQUESTS, "renew")) == "renew"
