"""Strategic merge, rule by rule; what it refuses is placed in the patch's own text."""

import base64

import pytest

from core.codec import yaml
from core.config.load import Config, load
from core.config.merge import merge, merge_text
from core.config.problems import ConfigErrors
from core.config.redact import redact
from core.config.support import unsupported
from core.pki import issue
from core.pki.types import Algorithm, Authority

CA = base64.b64encode(issue.authority(Authority(1.7e9, Algorithm.ED25519, "talos")).crt).decode()


def _config(body: str = "") -> Config:
    return load(f"machine:\n  type: worker\n  ca: {{crt: {CA}}}\n{body}".encode())


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ("{hostname: a}", "{hostname: b}", {"hostname": "b"}),
        ("{hostname: a}", "{hostname: ''}", {"hostname": "a"}),
        ("{hostname: a}", "{hostname: ~}", {"hostname": "a"}),
        ("{}", "{hostname: ''}", {"hostname": ""}),
        ("{disableSearchDomain: true}", "{disableSearchDomain: false}", {"disableSearchDomain": False}),
        ("{kubespan: {mtu: 1400}}", "{kubespan: {mtu: 0}}", {"kubespan": {"mtu": 1400}}),
        ("{nameservers: [1.1.1.1]}", "{nameservers: [8.8.8.8]}", {"nameservers": ["1.1.1.1", "8.8.8.8"]}),
        ("{nameservers: [1.1.1.1]}", "{nameservers: []}", {"nameservers": ["1.1.1.1"]}),
        ("{hostname: a}", "{nameservers: [8.8.8.8]}", {"hostname": "a", "nameservers": ["8.8.8.8"]}),
        (
            "{interfaces: [{interface: eth0, mtu: 1400}]}",
            "{interfaces: [{interface: eth0, dhcp: true}, {interface: eth1, dhcp: true}]}",
            {"interfaces": [{"interface": "eth0", "mtu": 1400, "dhcp": True}, {"interface": "eth1", "dhcp": True}]},
        ),
        (
            "{interfaces: [{deviceSelector: {driver: x}, mtu: 1400}]}",
            "{interfaces: [{deviceSelector: {driver: 'x'}, dhcp: true}, {deviceSelector: {driver: y}}]}",
            {
                "interfaces": [
                    {"deviceSelector": {"driver": "x"}, "mtu": 1400, "dhcp": True},
                    {"deviceSelector": {"driver": "y"}},
                ]
            },
        ),
        (
            "{interfaces: [{interface: eth0, vlans: [{vlanId: 1, mtu: 9}, {vlanId: 2}]}]}",
            "{interfaces: [{interface: eth0, vlans: [{vlanId: 0x1, dhcp: true}, {vlanId: 3}]}]}",
            {
                "interfaces": [
                    {
                        "interface": "eth0",
                        "vlans": [{"vlanId": 1, "mtu": 9, "dhcp": True}, {"vlanId": 2}, {"vlanId": 3}],
                    }
                ]
            },
        ),
        ("{hostname: a, nameservers: [1.1.1.1]}", "{hostname: {$patch: delete}}", {"nameservers": ["1.1.1.1"]}),
        (
            "{interfaces: [{interface: eth0}, {interface: eth1}]}",
            "{interfaces: [{interface: eth0, $patch: delete}]}",
            {"interfaces": [{"interface": "eth1"}]},
        ),
    ],
)
def test_rules(before: str, patch: str, after: object) -> None:
    config = load(f"machine: {{type: worker, ca: {{crt: {CA}}}, network: {before}}}".encode())
    text = merge_text(config, f"machine: {{network: {patch}}}".encode())
    (tree,) = yaml.parse(text).documents
    merged = yaml.builtins(tree)
    assert merged["machine"]["network"] == after  # type: ignore[index]  # a parsed tree


def test_lists_marked_as_replaced_are() -> None:
    network = "network: {podSubnets: [10.1.0.0/16]}"
    config = _config(f"cluster: {{controlPlane: {{endpoint: 'https://a:1'}}, ca: {{crt: {CA}}}, {network}}}")
    patched = merge(config, b"cluster: {network: {podSubnets: [10.2.0.0/16]}}")
    assert patched.v1alpha1.cluster.network.pod_subnets == ("10.2.0.0/16",)


def test_free_bodies_merge_by_key_and_lists_in_them_append() -> None:
    config = _config("  kubelet: {extraConfig: {a: {b: 1, c: [1]}}}\n")
    patched = merge(config, b"machine: {kubelet: {extraConfig: {a: {b: 2, c: [2], d: ''}}}}")
    assert patched.v1alpha1.machine.kubelet.extra_config == {"a": {"b": 2, "c": [1, 2], "d": ""}}


def test_an_argument_is_replaced_whether_text_or_list() -> None:
    config = _config("  kubelet: {extraArgs: {v: 1, x: [a, b]}}\n")
    patched = merge(config, b"machine: {kubelet: {extraArgs: {v: [2, 3], x: c}}}")
    assert patched.v1alpha1.machine.kubelet.extra_args == {"v": ("2", "3"), "x": ("c",)}


def test_text_that_is_not_patched_stays_as_written() -> None:
    config = _config("  sysctls: {a.b: 0x10, c.d: '010', e.f: 1.10}\n")
    assert b"a.b: 0x10\n    c.d: '010'\n    e.f: 1.10\n" in merge(config, b"machine: {token: x}").text


def test_several_documents_of_a_patch_apply_in_turn() -> None:
    patched = merge(_config(), b"machine: {network: {hostname: a}}\n---\nmachine: {network: {hostname: b}}\n")
    assert patched.v1alpha1.machine.network.hostname == "b"


def test_a_newer_document_that_is_not_there_may_be_deleted() -> None:
    patch = b"apiVersion: v1alpha1\nkind: HostnameConfig\n$patch: delete\n"
    assert merge(_config(), patch).v1alpha1 == _config().v1alpha1


METRICS = b"apiVersion: ichor.dev/v1alpha1\nkind: MetricsConfig\n"


def test_a_document_of_our_own_comes_and_goes_by_patches() -> None:
    assert _config().metrics is None
    with_it = merge(_config(), METRICS)
    assert with_it.metrics is not None
    assert [document.kind for document in with_it.documents] == ["", "MetricsConfig"]
    assert merge(with_it, METRICS).documents == with_it.documents
    assert merge(with_it, METRICS + b"$patch: delete\n").metrics is None
    assert redact(with_it).decode().endswith(METRICS.decode())
    assert "MetricsConfig" not in " ".join(unsupported(with_it))


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        ("machine: {networkk: {}}", "p:1:11: machine.networkk: unknown key 'networkk'; did you mean network?"),
        ("machine:\n  network: {mtu: 1}", "p:2:13: machine.network.mtu: unknown key 'mtu'"),
        ("machine:\n  env: {$patch: delete}", "p:2:3: machine.env: machine.env is not there to be deleted"),
        ("machine:\n  env: {$patch: replace}", "p:2:17: machine.env.$patch: the one directive is delete"),
        (
            "machine:\n  network:\n    interfaces:\n      - interface: eth9\n        $patch: delete",
            "p:4:9: machine.network.interfaces[0]: no element like this is there to be deleted",
        ),
        (
            "apiVersion: v1alpha1\nkind: HostnameConfig",
            "p:2:7: kind: documents of kind HostnameConfig are not supported",
        ),
        (
            "apiVersion: v1alpha1\nkind: MetricsConfig",
            "p:1:13: apiVersion: MetricsConfig has apiVersion ichor.dev/v1alpha1 alone",
        ),
        (
            "apiVersion: ichor.dev/v1alpha1\nkind: MetricsConfig\nport: 1",
            "p:3:1: port: unknown key 'port'; known here: apiVersion, kind",
        ),
        ("a: [", "p:2:1: while parsing"),
        ("- op: add\n  path: /machine/a/b\n  value: 1", "p:2:9: [0].path: /machine/a is not there"),
        ("- op: ad\n", "p:1:7: [0].op: not an operation"),
    ],
)
def test_what_is_wrong_with_a_patch_is_placed_in_it(patch: str, problem: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        merge(_config(), patch.encode(), "p")
    assert any(str(found).startswith(problem) for found in caught.value.problems), str(caught.value)


def test_the_result_is_validated() -> None:
    with pytest.raises(ConfigErrors, match=r"a control plane needs machine\.ca\.key"):
        merge(_config(), b"machine: {type: controlplane}")
