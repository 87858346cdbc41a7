"""The control plane's flags, files and pods, for every release, against what each one publishes."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Invalid
from core.cluster.kubernetes import controlplane, policies, stamps, versions
from core.cluster.kubernetes.controlplane import ApiServer, ControllerManager, Scheduler
from core.cluster.kubernetes.pods import Program, Volume, pod
from core.cluster.kubernetes.quantity import in_bytes
from core.cluster.kubernetes.versions import Release
from tests.cluster.kubernetes import published

SINGLE, DUAL = ("10.96.0.0/12",), ("10.96.0.0/12", "fd00::/112")


def told(line: Sequence[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=", 1) for word in line)


def lines(release: Release, subnets: Sequence[str]) -> dict[str, list[str]]:
    pods = [subnet.replace("10.96.0.0/12", "10.244.0.0/16") for subnet in subnets]
    server = ApiServer(release=release, issuers=["https://c:6443"], service_subnets=subnets, external_cloud=True)
    manager = ControllerManager(
        release=release, pod_subnets=pods, service_subnets=subnets, mask_v4=24, mask_v6=64, external_cloud=True
    )
    return {
        controlplane.APISERVER: controlplane.api_server(server),
        controlplane.CONTROLLER_MANAGER: controlplane.controller_manager(manager),
        controlplane.SCHEDULER: controlplane.scheduler(Scheduler(release=release)),
    }


@pytest.mark.parametrize("release", versions.ALL)
@pytest.mark.parametrize("subnets", [SINGLE, DUAL, DUAL[1:]])
def test_each_release_has_the_flags_it_is_told(release: Release, subnets: Sequence[str]) -> None:
    for program, line in lines(release, subnets).items():
        assert told(line).keys() <= published.flags(program, release)
        assert line == sorted(line)


@pytest.mark.parametrize("release", versions.ALL)
def test_strangers_are_told_the_health_alone(release: Release) -> None:
    server = told(lines(release, SINGLE)[controlplane.APISERVER])
    if release >= (1, 32):
        assert "anonymous-auth" not in server
        tree = policies.authentication(release)
        assert {each["path"] for each in tree["anonymous"]["conditions"]} == {"/livez", "/readyz", "/healthz"}
    else:
        assert server["anonymous-auth"] == "true"  # then RBAC limits what they see
    assert ("authorization-config" in server) == (release >= (1, 30))
    assert ("authorization-mode" in server) == (release < (1, 30))


@pytest.mark.parametrize(
    ("release", "extra", "asks"),
    [
        ((1, 31), {}, True),
        ((1, 31), {"anonymous-auth": ("false",)}, False),
        ((1, 31), {"anonymous-auth": ("true",)}, True),
        ((1, 37), {}, True),
        ((1, 37), {"oidc-issuer-url": ("https://x",)}, True),
        ((1, 37), {"anonymous-auth": ("false",)}, False),
        ((1, 37), {"authentication-config": ("/x",)}, False),
    ],
)
def test_probes_are_left_out_where_nobody_would_answer_them(
    release: Release, extra: dict[str, tuple[str, ...]], asks: bool
) -> None:
    assert controlplane.answers_strangers(release, extra) == asks
    line = told(controlplane.api_server(ApiServer(release=release, issuers=["i"], service_subnets=SINGLE, extra=extra)))
    ours = line.get("authentication-config", "").startswith(controlplane.CONFIGS)
    assert not (ours and ("anonymous-auth" in line or "oidc-issuer-url" in line))  # the program refuses both


def test_an_operators_flags_go_over_ours_and_lists_go_together() -> None:
    extra = {"feature-gates": ("A=true",), "enable-admission-plugins": ("X", "NodeRestriction"), "v": ("3",)}
    server = ApiServer(release=(1, 20), issuers=["i"], service_subnets=DUAL, extra=extra)
    line = told(controlplane.api_server(server))
    assert line["feature-gates"] == "IPv6DualStack=true,A=true"
    assert line["enable-admission-plugins"] == "NodeRestriction,X"
    assert (line["v"], line["bind-address"]) == ("3", "::")
    own = {"authorization-mode": ("AlwaysDeny",), "profiling": ("true",), "audit-log-maxage": ("1", "2")}
    twice = controlplane.api_server(ApiServer(release=(1, 37), issuers=["i"], service_subnets=SINGLE, extra=own))
    assert "--authorization-mode=Node,RBAC,AlwaysDeny" in twice
    assert "--profiling=true" in twice
    assert [word for word in twice if word.startswith("--audit-log-maxage")] == [
        "--audit-log-maxage=1",
        "--audit-log-maxage=2",
    ]
    assert not any(word.startswith("--authorization-config") for word in twice)


def test_tokens_of_earlier_issuers_are_taken_where_that_is_possible() -> None:
    for release, number in (((1, 21), 1), ((1, 22), 2)):
        server = ApiServer(release=release, issuers=["https://a", "https://b"], service_subnets=SINGLE)
        line = controlplane.api_server(server)
        assert len([word for word in line if word.startswith("--service-account-issuer=")]) == number


def test_masks_are_said_in_the_form_of_one_family_or_two() -> None:
    for pods, flags in (
        (("10.0.0.0/16",), {"node-cidr-mask-size": "25"}),
        (("fd00::/56",), {"node-cidr-mask-size": "66"}),
        (("10.0.0.0/16", "fd00::/56"), {"node-cidr-mask-size-ipv4": "25", "node-cidr-mask-size-ipv6": "66"}),
    ):
        manager = ControllerManager(release=(1, 30), pod_subnets=pods, service_subnets=SINGLE, mask_v4=25, mask_v6=66)
        line = told(controlplane.controller_manager(manager))
        assert {flag: value for flag, value in line.items() if "mask-size" in flag} == flags


def test_files_are_in_versions_that_the_release_reads() -> None:
    security = {"apiVersion": "pod-security.admission.config.k8s.io/v1alpha1", "kind": "PodSecurityConfiguration"}
    for release, scheduler, pod_security in (
        ((1, 20), "v1beta1", "v1alpha1"),  # knows no such plugin: as written
        ((1, 23), "v1beta3", "v1beta1"),
        ((1, 37), "v1", "v1"),
    ):
        scheduling = policies.scheduling({"profiles": [], "clientConnection": {"qps": 1}}, release)
        assert scheduling["apiVersion"] == f"kubescheduler.config.k8s.io/{scheduler}"
        assert scheduling["clientConnection"]["qps"] == 1
        assert ("healthzBindAddress" in scheduling) == (release < (1, 22))
        assert scheduling["clientConnection"]["kubeconfig"].endswith("kube-scheduler/kubeconfig")
        plugin = policies.admission([("PodSecurity", security)], release)["plugins"][0]
        assert plugin["configuration"]["apiVersion"].rpartition("/")[2] == pod_security


def test_a_webhook_needs_a_release_that_asks_it() -> None:
    hook = ("Webhook", "w", {"timeout": "3s"})
    tree = policies.authorization([("Node", "node", {}), hook], (1, 32))
    assert tree["apiVersion"] == "apiserver.config.k8s.io/v1"
    assert tree["authorizers"][1] == {"type": "Webhook", "name": "w", "webhook": {"timeout": "3s"}}
    with pytest.raises(Invalid, match="webhook"):
        policies.authorization([hook], (1, 29))


def program(name: str, **more: Any) -> Program:
    return Program(name=name, image=f"{name}:v1.30.0", args=["--a=b"], port=controlplane.PORTS[name], **more)


@pytest.mark.parametrize("name", controlplane.PROGRAMS)
def test_a_pod_has_no_rights_and_sees_its_own_files_alone(name: str) -> None:
    tree = pod(program(name))
    (container,) = tree["spec"]["containers"]
    security = tree["spec"]["securityContext"]
    assert tree["spec"]["hostNetwork"]
    assert security["runAsUser"] >= 65534
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount["readOnly"]} <= {
        "/var/log/audit/kube"
    }
    hosts = {volume["hostPath"]["path"] for volume in tree["spec"]["volumes"]}
    assert all(path.endswith(f"/{name}") for path in hosts - {"/var/log/audit/kube"})
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 60
    assert container["readinessProbe"]["periodSeconds"] <= 5  # a kubelet of 1.20 hears of a start by this alone


def test_gos_heap_stays_below_a_limit_and_an_operators_word_counts() -> None:
    limited = pod(program(controlplane.SCHEDULER, limits={"memory": "100Mi", "cpu": "1"}))
    (container,) = limited["spec"]["containers"]
    assert container["env"] == [{"name": "GOMEMLIMIT", "value": str(95 * (1 << 20))}]
    assert container["resources"]["requests"] == {"cpu": "10m", "memory": "64Mi"}
    own = pod(program(controlplane.SCHEDULER, limits={"memory": "1G"}, env={"GOMEMLIMIT": "7"}))
    assert own["spec"]["containers"][0]["env"] == [{"name": "GOMEMLIMIT", "value": "7"}]
    assert pod(program(controlplane.SCHEDULER))["spec"]["containers"][0]["env"] == []
    with pytest.raises(Invalid):
        pod(program(controlplane.SCHEDULER, limits={"memory": "much"}))


def test_more_volumes_and_no_probes() -> None:
    volume = Volume(name="extra-0", host="/var/lib/x", path="/x", writable=True)
    (container,) = pod(program(controlplane.APISERVER, volumes=[volume], probes=False))["spec"]["containers"]
    assert {"name": "extra-0", "mountPath": "/x", "readOnly": False} in container["volumeMounts"]
    assert not any(key.endswith("Probe") for key in container)


@given(st.integers(0, 1 << 50), st.sampled_from(["", "Ki", "Mi", "Gi", "k", "M", "G"]))
def test_quantities(number: int, unit: str) -> None:
    factor = {"": 1, "K": 1024, "M": 1 << 20, "G": 1 << 30}[unit[:1]] if unit[1:] else 1000 ** " kMG".index(unit or " ")
    assert in_bytes(f"{number}{unit}") == number * factor


@pytest.mark.parametrize(
    ("text", "number"), [("1.5Gi", 3 << 29), (".5k", 500), ("1e3", 1000), ("128E-1", 12), ("1500m", 1)]
)
def test_odd_quantities(text: str, number: int) -> None:
    assert in_bytes(text) == number


@pytest.mark.parametrize("text", ["", "Mi", "1 Mi", "-1", "1KiB", "0x10", "1e"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(Invalid):
        in_bytes(text)


@given(st.dictionaries(st.sampled_from(controlplane.PROGRAMS), st.text("0123456789abcdef", min_size=1), min_size=1))
def test_each_finds_its_stamp(digests: dict[str, str]) -> None:
    text = stamps.join(digests)
    for name in controlplane.PROGRAMS:
        assert stamps.of(text, name) == digests.get(name, "")
    assert stamps.of("3", "kube-apiserver") == "3"
