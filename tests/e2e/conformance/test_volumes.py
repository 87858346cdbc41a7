"""Conformance: what pods find in their folders."""

from typing import Any

import pytest

from tests.support.conformance import Space, container, of, pod

ONCE: dict[str, Any] = {"restartPolicy": "Never"}


def mounted(path: str) -> dict[str, Any]:
    """The volume of a container."""
    return {"volumeMounts": [{"name": "volume", "mountPath": path}]}


@pytest.mark.conformance("ConfigMap Volume, update")
def test_a_config_map_that_changes(space: Space) -> None:
    space.apply(of("ConfigMap", "words", data={"word": "before"}))
    script = "trap exit TERM; while :; do cat /words/word; echo; sleep 1; done"
    volumes = [{"name": "volume", "configMap": {"name": "words"}}]
    space.run(pod("main", container("main", script, **mounted("/words")), volumes=volumes))
    space.until(lambda: "before" in space.kubectl("logs", "main", "--tail=1"), "the first word")
    space.apply(of("ConfigMap", "words", data={"word": "after"}))
    space.until(lambda: "after" in space.kubectl("logs", "main", "--tail=1"), "the next word")


@pytest.mark.conformance("Secrets Volume, volume mode 0440, fsGroup 1001 and uid 1000")
def test_a_secret_for_a_group(space: Space) -> None:
    space.apply(of("Secret", "keys", stringData={"key": "of the house"}))
    volumes = [{"name": "volume", "secret": {"secretName": "keys", "defaultMode": 0o440}}]
    script = "id -u; ls -lnL /keys/key; cat /keys/key"
    who = {"runAsUser": 1000, "fsGroup": 1001}
    space.apply(
        pod("main", container("main", script, **mounted("/keys")), volumes=volumes, securityContext=who, **ONCE)
    )
    user, listed, secret = space.ended("main").splitlines()
    assert user == "1000"
    assert listed.split()[:4:3] == ["-r--r-----", "1001"]
    assert secret == "of the house"


@pytest.mark.conformance("Projected Volume, multiple projections")
def test_several_sources_in_one_folder(space: Space) -> None:
    space.apply(of("Secret", "keys", stringData={"key": "secret"}), of("ConfigMap", "words", data={"word": "config"}))
    limits = {"cpu": "1250m", "memory": "64Mi"}
    resource = {"containerName": "main", "resource": "limits.memory"}
    items = [
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
        {"path": "cpu", "resourceFieldRef": {**resource, "resource": "limits.cpu"}},
        {"path": "memory", "resourceFieldRef": resource},
    ]
    sources = [{"secret": {"name": "keys"}}, {"configMap": {"name": "words"}}, {"downwardAPI": {"items": items}}]
    volumes = [{"name": "volume", "projected": {"sources": sources}}]
    script = "for f in key word name cpu memory; do cat /all/$f; echo; done"
    main = container("main", script, resources={"limits": limits}, **mounted("/all"))
    space.apply(pod("main", main, volumes=volumes, **ONCE))
    # a whole processor is what a part of one is rounded up to
    assert space.ended("main").split() == ["secret", "config", "main", "2", str(64 << 20)]


@pytest.mark.conformance("EmptyDir, Shared volumes between containers")
def test_a_folder_of_two_containers(space: Space) -> None:
    reader = container("reader", "until [ -f /data/done ]; do sleep 0.1; done; cat /data/words", **mounted("/data"))
    writer = container("writer", "echo of the other > /data/words; touch /data/done", **mounted("/data"))
    space.apply(pod("main", reader, writer, volumes=[{"name": "volume", "emptyDir": {}}], **ONCE))
    space.until(lambda: space.read("pod", "main")["status"]["phase"] == "Succeeded", "both to end")
    assert space.kubectl("logs", "main", "reader") == "of the other\n"
