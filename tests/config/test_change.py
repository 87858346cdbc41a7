"""What a change of config would do, told before it is done."""

import pytest
import yaml

from core.codec.yaml import dump
from core.config import generate
from core.config.bundle import Bundle
from core.config.change import Change, Difference, difference, told
from core.config.effects import EFFECTS
from core.config.generate import Options
from core.config.load import Config, load, read
from core.config.merge import merge_text


@pytest.fixture
def before(secrets: Bundle, options: Options) -> Config:
    return load(generate.control_plane(secrets, options))


def patched(config: Config, patch: str) -> Difference:
    return difference(config, read(merge_text(config, patch.encode())))


def test_nothing_changes_where_only_words_do(before: Config) -> None:
    again = load(b"# a comment\n" + before.text + b"\n# and one more\n")
    assert difference(before, again).diff == ""
    assert difference(before, again).changes == ()
    assert told(difference(before, again)) == "No changes.\n"
    spelled = patched(before, "machine: {network: {interfaces: []}}")
    assert spelled.changes == ()


def test_a_change_says_what_follows(before: Config) -> None:
    found = patched(before, "machine: {network: {hostname: other}, sysctls: {vm.swappiness: '1'}, udev: {rules: [a]}}")
    assert found.changes == (
        Change("machine.network.hostname", EFFECTS["machine.network.hostname"].what),
        Change("machine.sysctls", EFFECTS["machine.sysctls"].what),
        Change("machine.udev", "is kept and not acted on yet", acts=False),
    )
    assert (found.certificates, found.services, found.reboot) == (("apid", "trustd"), (), False)
    assert "machine.udev" in found.unused
    lines = found.diff.splitlines()
    assert "+    hostname: other" in lines
    assert lines[:2] == ["--- in force", "+++ new"]
    shown = told(found)
    assert "  machine.network.hostname: the node takes the name\n" in shown
    assert shown.endswith(found.diff)


@pytest.mark.parametrize("kind", ["ControlPlanesConfig", "MetricsConfig"])
def test_a_document_of_our_own_comes_and_goes(before: Config, kind: str) -> None:
    document = f"apiVersion: ichor.dev/v1alpha1\nkind: {kind}\n"
    change = Change(kind, EFFECTS[kind].what)
    assert patched(before, document).changes == (change,)
    with_it = read(merge_text(before, document.encode()))
    assert patched(with_it, document).changes == ()
    assert patched(with_it, document + "$patch: delete\n").changes == (change,)


def test_a_worker_of_a_control_plane_ends_trustd(before: Config) -> None:
    tree = yaml.safe_load(before.text)
    tree["machine"]["type"] = "worker"
    assert difference(before, read(yaml.safe_dump(tree).encode())).services == ("trustd",)


MODULES = "machine: {{kernel: {{modules: [{}]}}}}"


@pytest.mark.parametrize(
    ("old", "new", "waits"),
    [
        ("{name: a}", "{name: a}, {name: b}", False),
        ("{name: a}, {name: b}", "{name: b}, {name: a}", False),
        ("{name: a}, {name: b}", "{name: b}", True),
        ("{name: a}", "{name: a, parameters: [x=1]}", True),
        ("", "{name: a}", False),
        ("{name: a}", "", True),
    ],
)
def test_what_the_kernel_has_loaded_waits_for_the_next_boot(old: str, new: str, waits: bool) -> None:
    found = difference(*(read(MODULES.format(modules).encode()) for modules in (old, new)))
    assert found.next_boot == (("machine.kernel.modules",) if waits else ())
    assert ("some of machine.kernel.modules waits for the next boot" in told(found)) == waits
    assert not found.reboot


def test_elements_of_lists_are_named_by_their_place() -> None:
    old = read(b"machine: {network: {interfaces: [{interface: eth0, dhcp: true}]}}")
    text = b"machine: {network: {interfaces: [{interface: eth0, dhcp: false}, {interface: eth1, vip: {ip: 10.0.0.1}}]}}"
    found = difference(old, read(text))
    assert [(change.path, change.acts) for change in found.changes] == [
        ("machine.network.interfaces[0].dhcp", True),
        ("machine.network.interfaces[1].interface", True),
        ("machine.network.interfaces[1].vip.ip", True),
    ]


def test_a_first_config_is_all_new(before: Config) -> None:
    found = difference(None, before)
    assert {"machine.type", "machine.ca", "machine.token"} <= {change.path for change in found.changes}
    assert "+version: v1alpha1" in found.diff.splitlines()
    assert "(new)" not in found.diff


def test_secrets_are_stars_and_new_ones_say_so(before: Config, secrets: Bundle) -> None:
    found = patched(before, "machine: {token: abcdef.0123456789abcdef}\ncluster: {clusterName: other}")
    assert "+  token: '****** (new)'" in found.diff.splitlines()
    everything = told(difference(None, before)) + told(found)
    certs = secrets.certs
    for secret in (secrets.trustd.token, "0123456789abcdef", secrets.cluster.secret, secrets.secrets.bootstrap_token):
        assert secret not in everything
    for key in (certs.os.key, certs.etcd.key, certs.k8s.key, certs.service_account.key):
        assert dump({"key": key.decode()}).decode()[:60] not in everything
