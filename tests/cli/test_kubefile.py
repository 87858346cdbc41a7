"""Kubeconfigs put into others: nothing of somebody else's is lost, the newest access is found and chosen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.cli import kubefile


def made(cluster: str = "c", server: str = "https://10.0.0.2:6443", key: str = "k") -> kubefile.File:
    """What a node sends."""
    name = f"admin@{cluster}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {"client-key-data": key}}],
        "contexts": [{"name": name, "context": {"cluster": cluster, "namespace": "default", "user": name}}],
        "current-context": name,
    }


def named(file: kubefile.File, kind: str) -> dict[str, Any]:
    return {each["name"]: each[kind.removesuffix("s")] for each in file[kind]}


def merged(file: kubefile.File, new: kubefile.File, *, force: bool = False, context: str = "") -> kubefile.File:
    """As the verb does it, through bytes."""
    whole, _ = kubefile.merge(file, kubefile.entry(new), force=force, context=context)
    return kubefile.parse(kubefile.dump(whole), "it")


def test_an_absent_file_becomes_the_nodes() -> None:
    assert merged({}, made()) == {**made(), "preferences": {}}


def test_what_is_not_ours_stays() -> None:
    others = made("other") | {"extensions": [{"name": "x"}]}
    file = merged(others, made())
    assert file["extensions"] == [{"name": "x"}]
    assert named(file, "users").keys() == {"admin@other", "admin@c"}
    assert file["current-context"] == "admin@c"


def test_newer_access_to_the_same_cluster_takes_the_place_of_the_old() -> None:
    file = merged(made(key="old"), made(key="new"))
    assert named(file, "users") == {"admin@c": {"client-key-data": "new"}}


def test_another_cluster_of_the_same_name_is_called_otherwise_unless_forced() -> None:
    old, new = made(key="old"), made(server="https://10.9.9.9:6443", key="new")
    both = merged(old, new)
    assert named(both, "clusters").keys() == {"c", "c-1"}
    assert named(both, "contexts")["admin@c-1"] == {"cluster": "c-1", "namespace": "default", "user": "admin@c-1"}
    assert both["current-context"] == "admin@c-1"
    assert named(merged(old, new, force=True), "users") == {"admin@c": {"client-key-data": "new"}}


def test_a_context_is_called_as_asked() -> None:
    file = merged({}, made(), context="mine")
    assert file["current-context"] == "mine"
    assert named(file, "contexts").keys() == {"mine"}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["https://x", "https://y"])), max_size=6))
def test_every_cluster_that_was_put_in_is_found_by_its_server(puts: list[tuple[str, str]]) -> None:
    file: kubefile.File = {}
    for cluster, server in puts:
        file = merged(file, made(cluster, server, key=server))
        context = named(file, "contexts")[file["current-context"]]
        assert named(file, "clusters")[context["cluster"]]["server"] == server
        assert named(file, "users")[context["user"]]["client-key-data"] == server
    servers = [each["server"] for each in named(file, "clusters").values()] if puts else []
    assert {server for _, server in puts} <= set(servers)
    assert len(servers) >= len(set(puts))


@pytest.mark.parametrize("data", [b"[]", b"clusters: 1", b"clusters: [1]", b"clusters: [{cluster: {}}]", b"a: ["])
def test_what_is_no_kubeconfig(data: bytes) -> None:
    with pytest.raises(Invalid, match="it is"):
        kubefile.parse(data, "it")


def test_a_node_sends_one_cluster() -> None:
    with pytest.raises(Invalid, match="one cluster"):
        kubefile.entry(merged(made(), made("other")))
