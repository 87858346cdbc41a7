"""Manifests and a real cluster: what is wished for is there, what is wished for no more goes, and nothing else does."""

import json
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing, suppress

import pytest

from core.base.clock import SystemClock
from core.base.errors import Conflict, NotFound
from core.cluster.kubernetes import inventory
from core.cluster.kubernetes.applying import Applying
from core.cluster.kubernetes.discovery import Kinds
from core.cluster.kubernetes.follow import follow
from core.cluster.kubernetes.lease import Lease
from core.cluster.kubernetes.paths import CONFIG_MAPS, LEASES, Collection, Object
from core.node.controllers.k8s.manifests import ManifestApply
from core.node.controllers.k8s.manifests.render import manifest
from core.node.resources.k8s import (
    BootstrapManifestsConfig,
    ExtraManifest,
    ExtraManifestsConfig,
    Manifest,
    ManifestStatus,
    Nodename,
)
from core.node.resources.secrets import Kubernetes as Secrets
from core.node.resources.services import Service
from tests.node.controllers.house import House
from tests.support.apiserver import ApiServer
from tests.support.clock import on_loop


class Planes(House):
    """A control plane whose manifests the test writes."""

    def __init__(self, apiserver: ApiServer, name: str = "one") -> None:
        super().__init__(SystemClock(), [ManifestApply(SystemClock(), 0.05)])
        config = apiserver.kubeconfig().decode()
        secrets = Secrets(
            scheduler_kubeconfig="",
            controller_manager_kubeconfig="",
            localhost_admin_kubeconfig=config,
            admin_kubeconfig="",
        )
        self.put("manifests", BootstrapManifestsConfig())
        self.put("extra-manifests", ExtraManifestsConfig())
        self.put("k8s-certs", secrets)
        self.put("nodename", Nodename(nodename=name))
        self.put("etcd", Service(running=True, healthy=True, unknown=False))

    async def applied(self, *ids: str) -> None:
        """Until these are, and no others."""
        await self.until(lambda: self.one(ManifestStatus, "manifests") == ManifestStatus(manifests_applied=ids))


def config_map(name: str, namespace: str = "", **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def there(apiserver: ApiServer, name: str) -> bool:
    return bool(apiserver.kubectl("get", "configmap", name, "--ignore-not-found", "--all-namespaces=false"))


async def until(apiserver: ApiServer, namespace: str, name: str, holds: Callable[[Object], bool]) -> None:
    """Until a config map is there and as it should be."""
    async with apiserver.client() as client, aclosing(follow(client, CONFIG_MAPS, namespace)) as states:
        async for state in states:
            if (namespace, name) in state and holds(state[namespace, name]):
                return


async def pruned(apiserver: ApiServer, *names: str) -> None:
    """Until the inventory names these."""

    def names_them(found: Object) -> bool:
        return sorted(map(str, inventory.read(found.get("data") or {}))) == sorted(names)

    await until(apiserver, inventory.NAMESPACE, inventory.NAME, names_them)


@on_loop
async def test_what_is_in_no_manifest_any_more_goes_and_nothing_else(apiserver: ApiServer) -> None:
    apiserver.kubectl("create", "configmap", "others", "--from-literal=a=1")
    house = Planes(apiserver)
    space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "space"}}
    house.put("99-a", manifest([config_map("inside", "space", a="1"), config_map("outside", a="1"), space]))
    house.put("99-b", manifest([config_map("second", a="1")]))
    async with house.running():
        await house.applied("99-a", "99-b")
        assert apiserver.read("-n", "space", "configmap", "inside")["data"] == {"a": "1"}
        house.put("99-b", manifest([config_map("second", b="2")]))
        house.put("99-a", manifest([config_map("inside", "space", a="1")]))
        await pruned(apiserver, "ConfigMap space/inside", "ConfigMap default/second")
        assert apiserver.read("configmap", "second")["data"] == {"b": "2"}
        assert not there(apiserver, "outside")
        assert there(apiserver, "others")
        assert apiserver.read("namespace", "space")["status"]["phase"] == "Active"  # others may have put things there
        house.drop(Manifest.at("99-a"))
        house.put("99-b", manifest([config_map("last")]))
        await pruned(apiserver, "ConfigMap default/last")
        await house.applied("99-b")


@on_loop
async def test_what_somebody_else_made_in_its_place_stays(apiserver: ApiServer) -> None:
    house = Planes(apiserver)
    house.put("99-c", manifest([config_map("contested", a="1"), config_map("kept")]))
    async with house.running():
        await house.applied("99-c")
        apiserver.kubectl("delete", "configmap", "contested")
        apiserver.kubectl("create", "configmap", "contested", "--from-literal=theirs=1")
        house.put("99-c", manifest([config_map("kept")]))
        await pruned(apiserver, "ConfigMap default/kept")
    assert apiserver.read("configmap", "contested")["data"] == {"theirs": "1"}


@on_loop
async def test_what_is_not_fetched_yet_is_not_taken_away(apiserver: ApiServer) -> None:
    house = Planes(apiserver)
    house.put("99-d", manifest([config_map("early")]))
    async with house.running():
        await house.applied("99-d")
        house.put("extra-manifests", ExtraManifestsConfig(extra_manifests=(ExtraManifest(name="e", priority="99"),)))
        house.drop(Manifest.at("99-d"))
        house.put("99-f", manifest([config_map("other")]))
        await house.applied("99-f")
        assert there(apiserver, "early")
        house.put("99-e", manifest([config_map("fetched")]))
        await pruned(apiserver, "ConfigMap default/fetched", "ConfigMap default/other")
        assert not there(apiserver, "early")


@on_loop
async def test_one_bad_object_keeps_no_other(apiserver: ApiServer) -> None:
    unknown: Object = {"apiVersion": "example.net/v1", "kind": "Unknown", "metadata": {"name": "one"}}
    nameless: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
    house = Planes(apiserver)
    house.put("99-h", manifest([config_map("Bad Name"), nameless, unknown, config_map("good")]))
    async with house.running():
        await until(apiserver, "default", "good", bool)
        assert house.one(ManifestStatus, "manifests") in (None, ManifestStatus(manifests_applied=()))
        house.put("99-h", manifest([config_map("good")]))
        await house.applied("99-h")


@on_loop
async def test_kinds_are_known_as_soon_as_they_are_defined(apiserver: ApiServer) -> None:
    """A thing of such a kind is not made: this apiserver's JSON library, older than the Go that it was built with, ends
    the process at the first one."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.org", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"}}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    definition: Object = {**kind, "metadata": {"name": "things.example.org"}, "spec": {**spec, "versions": [version]}}
    async with apiserver.client() as client:
        with pytest.raises(NotFound, match=r"the cluster knows no Thing in example.org/v1"):
            await Kinds(client).find("example.org/v1", "Thing")
        assert await Applying(client).apply([definition]) == []
        apiserver.kubectl("wait", "--for=condition=Established", "crd/things.example.org")
        kinds, found = Kinds(client), None
        while found is None:
            with suppress(NotFound):  # it is served a moment after it is established
                found = await kinds.find("example.org/v1", "Thing")
        assert found == Collection("example.org/v1", "things")


def test_what_others_need_comes_first() -> None:
    kinds = ["Deployment", "CustomResourceDefinition", "Thing", "Namespace", "Service"]
    things: list[Object] = [{"kind": kind} for kind in kinds]
    order = ["Namespace", "CustomResourceDefinition", "Deployment", "Thing", "Service"]
    assert [thing["kind"] for thing in inventory.order(things)] == order


@on_loop
async def test_one_at_a_time(apiserver: ApiServer) -> None:
    lease = Lease("ichor-manifests", "kube-system", "other", SystemClock())
    house = Planes(apiserver)
    house.put("99-i", manifest([config_map("awaited")]))
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(apiserver.client())
        assert await lease.take(client)
        await stack.enter_async_context(house.running())
        found = await client.get(LEASES, "ichor-manifests", "kube-system")
        assert found["spec"]["holderIdentity"] == "other"
        assert not there(apiserver, "awaited")
        await lease.give(client)
        await house.applied("99-i")


def test_an_inventory_says_what_it_was_told() -> None:
    things = json.loads(
        '[{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"system:a:b"}},'
        '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n"}}]'
    )
    entries = [inventory.Entry.of(thing) for thing in things]
    assert inventory.write(entries) == {
        "_system__a__b_rbac.authorization.k8s.io_ClusterRole": "v1",
        "n_s__Secret": "v1",
    }
    assert sorted(inventory.read(inventory.write(entries))) == sorted(entries)


@on_loop
async def test_what_another_manager_has_is_taken_over_by_force_alone(apiserver: ApiServer) -> None:
    async with apiserver.client() as client:
        await Applying(client).apply([config_map("contended", "default", a="1")])
        change = json.dumps(config_map("contended", "default", a="2"))
        apiserver.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=change)
        (refused,) = await Applying(client, force=False).apply([config_map("contended", "default", a="1")])
        assert isinstance(refused, Conflict)
        assert "ConfigMap default/contended" in str(refused)
        assert apiserver.read("configmap", "contended")["data"] == {"a": "2"}
        assert await Applying(client).apply([config_map("contended", "default", a="1")]) == []
        assert apiserver.read("configmap", "contended")["data"] == {"a": "1"}
        await Applying(client).prune([])
