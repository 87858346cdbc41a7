"""The client against a real kube-apiserver; kubectl says what is there."""

import asyncio
import json
from contextlib import aclosing

import pytest

from core.base.errors import AlreadyExists, Conflict, Denied, Invalid, NotFound, NotReady, Unsupported
from core.cluster.kubernetes import kubeconfig
from core.cluster.kubernetes.client import Kubernetes, Patch
from core.cluster.kubernetes.follow import follow
from core.cluster.kubernetes.paths import CONFIG_MAPS, NAMESPACES, NODES, PODS, Collection, Object, named, version
from core.cluster.kubernetes.refusal import Expired, TooMany
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop


def config_map(name: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@on_loop
async def test_a_thing_comes_is_changed_and_goes(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        made = await client.create(CONFIG_MAPS, config_map("life", a="1"))
        with pytest.raises(AlreadyExists, match=r'configmaps "life" already exists \(AlreadyExists\)'):
            await client.create(CONFIG_MAPS, config_map("life"))
        await client.patch(CONFIG_MAPS, "life", {"data": {"b": "2"}}, "default")
        changes: list[Object] = [{"op": "replace", "path": "/data/a", "value": "3"}]
        await client.patch(CONFIG_MAPS, "life", changes, "default", kind=Patch.JSON)
        assert apiserver.read("configmap", "life")["data"] == {"a": "3", "b": "2"}
        with pytest.raises(Conflict, match=r"the object has been modified"):
            await client.replace(CONFIG_MAPS, made | {"data": {}})
        now = await client.get(CONFIG_MAPS, "life", "default")
        assert (await client.replace(CONFIG_MAPS, now | {"data": {"c": "4"}}))["data"] == {"c": "4"}
        with pytest.raises(Conflict):
            await client.delete(CONFIG_MAPS, "life", "default", uid="another")
        await client.delete(CONFIG_MAPS, "life", "default", uid=made["metadata"]["uid"])
        with pytest.raises(NotFound, match=r'configmaps "life" not found'):
            await client.get(CONFIG_MAPS, "life", "default")


@on_loop
async def test_fields_that_are_applied_are_their_managers(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        await client.apply(CONFIG_MAPS, config_map("mine", a="1", b="2"), dry=True)
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAPS, "mine", "default")
        await client.apply(CONFIG_MAPS, config_map("mine", a="1", b="2"))
        apiserver.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(config_map("mine", c="3")))
        await client.apply(CONFIG_MAPS, config_map("mine", a="4"))
        assert apiserver.read("configmap", "mine")["data"] == {"a": "4", "c": "3"}
        with pytest.raises(Conflict, match="conflict"):
            await client.apply(CONFIG_MAPS, config_map("mine", c="5"), force=False)
        await client.apply(CONFIG_MAPS, config_map("mine", c="5"))
        assert apiserver.read("configmap", "mine")["data"] == {"c": "5"}


@on_loop
async def test_lists_by_selectors(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        for name, label in (("red", "yes"), ("blue", "no")):
            thing = config_map(name)
            thing["metadata"]["labels"] = {"chosen": label}
            await client.create(CONFIG_MAPS, thing)
        by_label = await client.list(CONFIG_MAPS, "default", labels="chosen=yes")
        by_field = await client.list(CONFIG_MAPS, fields="metadata.name=blue,metadata.namespace=default")
        everywhere = await client.list(CONFIG_MAPS, labels="chosen")
    assert [named(thing) for thing in by_label["items"]] == ["red"]
    assert [named(thing) for thing in by_field["items"]] == ["blue"]
    assert sorted(named(thing) for thing in everywhere["items"]) == ["blue", "red"]
    assert int(version(by_label))


@on_loop
async def test_what_is_refused_is_told_in_the_servers_words(apiserver: ApiServer) -> None:
    async with apiserver.client() as client, apiserver.client("nobody", ()) as nobody:
        with pytest.raises(Denied, match=r'User "nobody" cannot list resource "nodes"'):
            await nobody.list(NODES)
        with pytest.raises(Invalid, match=r"metadata.name: Invalid value"):
            await client.create(NAMESPACES, {"metadata": {"name": "Not A Name"}})
        with pytest.raises(Unsupported):
            await client.ask("POST", "/version")
        with pytest.raises(NotFound):
            await client.list(Collection("nowhere.example/v1", "things"))
        with pytest.raises(Invalid, match="the answer is not an object of JSON"):
            await client.ask("GET", "/readyz")
        assert await client.text("/readyz") == b"ok"
    stranger = Kubernetes(apiserver.address, apiserver.tls(), token="stranger")
    async with stranger:
        assert (await stranger.ask("GET", "/version"))["gitVersion"].startswith("v1.20.")


@on_loop
async def test_pods_are_evicted_as_their_budget_allows(apiserver: ApiServer) -> None:
    def pod(name: str) -> Object:
        metadata = {"name": name, "namespace": "default", "labels": {"app": "budget"}}
        return {"metadata": metadata, "spec": {"containers": [{"name": "one", "image": "nothing"}]}}

    budgets = Collection("policy/v1beta1", "poddisruptionbudgets", namespaced=True)
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "budget"}}}
    async with apiserver.client() as client:
        await client.create(PODS, pod("kept"))
        await client.patch(PODS, "kept", {"status": {"phase": "Running"}}, "default", part="status")
        await client.create(budgets, {"metadata": {"name": "budget", "namespace": "default"}, "spec": spec})
        with pytest.raises(TooMany, match="disruption budget"):
            await client.evict("kept", "default", "policy/v1beta1")
        await client.delete(budgets, "budget", "default")
        await client.evict("kept", "default", "policy/v1beta1")
        with pytest.raises(NotFound):
            await client.get(PODS, "kept", "default")


@on_loop
async def test_a_watch_tells_what_changes(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        since = version(await client.list(CONFIG_MAPS, "default"))
        async with aclosing(client.watch(CONFIG_MAPS, since, "default", fields="metadata.name=seen")) as watch:
            await client.create(CONFIG_MAPS, config_map("unseen"))
            await client.create(CONFIG_MAPS, config_map("seen", a="1"))
            await client.patch(CONFIG_MAPS, "seen", {"data": {"a": "2"}}, "default")
            await client.delete(CONFIG_MAPS, "seen", "default")
            told = [await anext(watch) for _ in range(3)]
    assert [(event.kind, event.thing["data"]["a"]) for event in told] == [
        ("ADDED", "1"),
        ("MODIFIED", "2"),
        ("DELETED", "2"),
    ]


@on_loop
async def test_who_follows_lists_again_when_its_place_is_forgotten(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        await client.create(CONFIG_MAPS, config_map("stays"))
        old = version(await client.list(CONFIG_MAPS, "default"))
        for name in ("later", "latest"):
            await client.create(CONFIG_MAPS, config_map(name))
        apiserver.forget()
        with pytest.raises(Expired):
            async for _ in client.watch(CONFIG_MAPS, old, "default"):
                pass
        async with aclosing(follow(client, CONFIG_MAPS, "default", fields="metadata.name=stays")) as states:
            assert list(await anext(states)) == [("default", "stays")]
            await client.delete(CONFIG_MAPS, "stays", "default")
            assert list(await anext(states)) == []


@on_loop
async def test_a_server_that_goes_ends_what_was_asked_of_it_and_is_found_again(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        async with aclosing(follow(client, NAMESPACES)) as states:
            assert ("", "default") in await anext(states)
            new = asyncio.ensure_future(anext(states))
            await client.create(NAMESPACES, {"metadata": {"name": "watched"}})
            assert ("", "watched") in await new  # so the watch stands
            apiserver.kill()
            with pytest.raises(NotReady, match=r"GET /api/v1/namespaces at .* was cut off"):
                await anext(states)
        with pytest.raises(NotReady, match=r"cannot connect to .*: Connection refused"):
            await client.list(NAMESPACES)
        apiserver.start()
        assert (await client.get(NAMESPACES, "default"))["status"] == {"phase": "Active"}


@on_loop
async def test_a_kubeconfig_says_whom_to_ask_and_how(apiserver: ApiServer) -> None:
    access = apiserver.kubeconfig("reader", ("system:masters",))
    async with kubeconfig.connect(access) as client:
        assert named(await client.get(NAMESPACES, "default")) == "default"
    away = access.replace(apiserver.address.encode(), b"127.0.0.1:1")
    async with kubeconfig.connect(away, server=f"https://{apiserver.address}") as client:
        assert named(await client.get(NAMESPACES, "default")) == "default"
