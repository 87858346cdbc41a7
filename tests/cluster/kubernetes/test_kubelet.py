"""A kubelet's flags and configuration: the same wish said to different releases, and what operators put over it. The
real one's word on them is in tests/fixtures."""

from dataclasses import replace
from typing import Any

import pytest

from core.cluster.kubernetes import kubelet, versions
from core.cluster.kubernetes.kubelet import Wish
from tests.cluster.kubernetes import published

WISH = Wish(release=versions.NEWEST, nodename="node-1", addresses=("10.0.0.2",), control_plane=True)


def flags(wish: Wish) -> dict[str, str]:
    """The last of each flag's values."""
    return dict(argument.removeprefix("--").split("=", 1) for argument in kubelet.arguments(wish))


def test_a_new_release_is_told_little_on_its_command_line() -> None:
    assert kubelet.arguments(WISH) == (
        "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubeconfig",
        "--cert-dir=/var/lib/kubelet/pki",
        "--config=/etc/kubernetes/kubelet.yaml",
        "--hostname-override=node-1",
        "--kubeconfig=/etc/kubernetes/kubeconfig-kubelet",
        "--node-ip=10.0.0.2",
    )


@pytest.mark.parametrize("release", versions.ALL)
def test_no_release_is_told_what_it_does_not_know(release: versions.Release) -> None:
    wish = replace(
        WISH, release=release, taints={"a": ":NoSchedule"}, credential_provider=True, cloud_provider_external=True
    )
    assert flags(wish).keys() <= set(published.flags("kubelet", release))


@pytest.mark.parametrize("release", versions.ALL)
def test_every_release_hears_of_its_runtime_and_its_taints_once(release: versions.Release) -> None:
    wish = replace(WISH, release=release, taints={"a": "b:NoSchedule", "c": ":NoExecute"})
    told, config = flags(wish), kubelet.configuration(wish)
    assert ("container-runtime-endpoint" in told) != ("containerRuntimeEndpoint" in config)
    assert ("register-with-taints" in told) != ("registerWithTaints" in config)
    if "registerWithTaints" in config:
        assert config["registerWithTaints"] == [
            {"key": "a", "effect": "NoSchedule", "value": "b"},
            {"key": "c", "effect": "NoExecute"},
        ]
    else:
        assert told["register-with-taints"] == "a=b:NoSchedule,c=:NoExecute"


@pytest.mark.parametrize(
    ("release", "said", "gated"), [((1, 21), False, False), ((1, 22), True, True), ((1, 25), True, False)]
)
def test_the_default_seccomp_profile_is_asked_for_where_there_is_one(
    release: versions.Release, said: bool, gated: bool
) -> None:
    config = kubelet.configuration(replace(WISH, release=release, seccomp_default=True))
    assert config.get("seccompDefault", False) is said
    assert config.get("featureGates", {}).get("SeccompDefault", False) is gated


def test_a_node_goes_down_with_its_pods_where_the_release_can() -> None:
    keys = {"shutdownGracePeriod", "shutdownGracePeriodCriticalPods"}
    assert keys.isdisjoint(kubelet.configuration(replace(WISH, release=(1, 20))))
    config = kubelet.configuration(replace(WISH, release=(1, 21)))
    assert [config[key] for key in sorted(keys)] == ["30s", "10s"]


def test_one_that_registers_nowhere_asks_nobody() -> None:
    wish = replace(WISH, register=False, taints={"a": ":NoSchedule"})
    assert flags(wish).keys().isdisjoint({"bootstrap-kubeconfig", "kubeconfig", "register-with-taints"})
    config = kubelet.configuration(wish)
    assert (config["authentication"]["webhook"], config["authorization"]) == (
        {"enabled": False},
        {"mode": "AlwaysAllow"},
    )


def test_static_pods_come_from_where_they_are_served_and_from_a_folder_if_wanted() -> None:
    config = kubelet.configuration(replace(WISH, static_pod_url="http://127.0.0.1:1234/"))
    assert config["staticPodURL"] == "http://127.0.0.1:1234/"
    assert "staticPodPath" not in config
    assert kubelet.configuration(replace(WISH, manifests=True))["staticPodPath"] == "/etc/kubernetes/manifests"


def test_both_families_are_announced_in_their_order() -> None:
    assert flags(replace(WISH, addresses=("fd00::2", "10.0.0.2")))["node-ip"] == "fd00::2,10.0.0.2"


def test_memory_is_kept_back_by_what_the_machine_is() -> None:
    sizes = [kubelet.configuration(replace(WISH, control_plane=leads))["systemReserved"] for leads in (True, False)]
    assert [size["memory"] for size in sizes] == ["512Mi", "384Mi"]


def test_an_operators_words_go_over_ours() -> None:
    extra: dict[str, Any] = {"systemReserved": {"cpu": "1"}, "clusterDNS": ["10.0.0.10"], "maxPods": 20}
    wish = replace(
        WISH,
        cluster_dns=("10.96.0.10",),
        extra_args={"v": ("4",), "node-ip": ("10.0.0.9",), "feature": ("a", "b")},
        extra_config=extra,
    )
    config = kubelet.configuration(wish)
    assert config["systemReserved"] == {"cpu": "1", "memory": "512Mi", "pid": "100", "ephemeral-storage": "256Mi"}
    assert (config["clusterDNS"], config["maxPods"]) == (["10.0.0.10"], 20)
    assert {"--v=4", "--node-ip=10.0.0.9", "--feature=a", "--feature=b"} < set(kubelet.arguments(wish))


def test_credential_providers_are_named_when_there_are_some() -> None:
    assert "image-credential-provider-config" not in flags(WISH)
    assert flags(replace(WISH, credential_provider=True))["image-credential-provider-config"] == kubelet.CREDENTIALS
