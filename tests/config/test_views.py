"""What is derived from a config: what the node does not act on, what may be shown, and the page of the docs."""

from pathlib import Path

import pytest

from core.cli import reference
from core.codec import yaml
from core.config import generate, modes, support
from core.config.bundle import Bundle
from core.config.documents import OWN
from core.config.generate import Options
from core.config.kinds import Keys, Leaf, List, Map, Plan
from core.config.load import PLAN, load, read
from core.config.modes import Mode
from core.config.redact import redact
from core.config.support import ACTED_ON, supports, touches, unsupported

PAGE = Path(__file__).parents[2] / "docs" / "config.md"


def test_the_docs_are_current() -> None:
    assert PAGE.read_text() == reference.render(), "run `make docs`"


def _patterns(plan: Plan, pattern: str = "") -> set[str]:
    if isinstance(plan, Keys):
        below = {f"{pattern}.{key}" if pattern else key: field.plan for key, field in plan.fields.items()}
        return set(below).union(*(_patterns(inner, name) for name, inner in below.items()))
    if isinstance(plan, List | Map):
        return _patterns(plan.item, pattern + ("[]" if isinstance(plan, List) else ".*"))
    return set()


def test_the_keys_acted_on_exist() -> None:
    assert not ACTED_ON - _patterns(PLAN) - OWN


ACTING = frozenset(
    {
        "machine.type",
        "machine.ca",
        "machine.network.hostname",
        "machine.network.interfaces[].interface",
        "machine.network.interfaces[].dhcp",
        "machine.network.interfaces[].routes",
        "machine.network.interfaces[].dhcpOptions.routeMetric",
        "machine.registries.mirrors.*.endpoints",
    }
)


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that does not grow with the node."""
    monkeypatch.setattr(support, "ACTED_ON", ACTING)


@pytest.mark.usefixtures("acting")
def test_what_is_not_acted_on_is_named_at_the_highest_key_that_says_it() -> None:
    text = b"""
machine:
  type: worker
  udev: {rules: [a]}
  network:
    hostname: a
    interfaces:
      - interface: eth0
        dhcp: true
        dhcpOptions: {routeMetric: 1, ipv6: true}
      - interface: eth1
        vip: {ip: 10.0.0.1}
    kubespan: {}
  registries:
    mirrors:
      docker.io: {endpoints: ['http://a'], skipFallback: true}
cluster:
  coreDNS: {disabled: true}
"""
    assert unsupported(read(text)) == [
        "machine.udev",
        "machine.network.interfaces[0].dhcpOptions.ipv6",
        "machine.network.interfaces[1].vip",
        "machine.registries.mirrors[docker.io].skipFallback",
        "cluster",
    ]


@pytest.mark.usefixtures("acting")
def test_support_follows_the_path() -> None:
    assert supports("machine.ca.key")
    assert supports("machine.network.interfaces[].routes[].gateway")
    assert not supports("machine.network.interfaces[].vip")
    assert touches("machine.network.interfaces[]")
    assert not touches("machine.network.hostname")
    assert not supports("machine.cat")


def test_redaction_hides_every_secret(secrets: Bundle, options: Options) -> None:
    shown = redact(load(generate.control_plane(secrets, options)))
    tree = yaml.load(shown)
    assert isinstance(tree, dict)
    hidden = sorted(_secret_values(PLAN, tree))
    assert hidden == ["******"] * 9
    for value in (secrets.trustd.token, secrets.cluster.secret, secrets.secrets.bootstrap_token):
        assert value.encode() not in shown
    assert b"LS0tLS1CRUdJTiBFRDI1NTE5" not in shown


def test_redaction_hides_a_secret_of_the_wrong_type() -> None:
    # a Config is only made of what was read, so this is the second lock on that door
    shown = redact(read(b"machine: {token: 12345}\ncluster: {extraManifestHeaders: {Authorization: hunter2}}"))
    assert yaml.load(shown) == {
        "machine": {"token": "******"},
        "cluster": {"extraManifestHeaders": {"Authorization": "******"}},
    }


def _secret_values(plan: Plan, node: object) -> list[str]:
    if isinstance(plan, Leaf):
        return [str(node)] if plan.scalar.secret else []
    if isinstance(plan, Keys) and isinstance(node, dict):
        return [value for key, item in node.items() for value in _secret_values(plan.fields[key].plan, item)]
    return []


@pytest.mark.parametrize(
    ("mode", "problems"),
    [
        (Mode.METAL, ["f:2:3: machine.install: needs disk or diskSelector on metal; such as disk: /dev/sda"]),
        (Mode.CLOUD, []),
        (Mode.CONTAINER, ["f:2:3: machine.install: means nothing in a container"]),
    ],
)
def test_platforms_differ(mode: Mode, problems: list[str]) -> None:
    config = read(b"machine:\n  install: {wipe: true}\n", "f")
    assert [str(problem) for problem in modes.check(config, mode)] == problems
