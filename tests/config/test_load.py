"""What loading promises beyond single files: typed values, nothing lost, nothing raised but ConfigErrors."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config.kinds import Keys, List, Map, Plan
from core.config.load import PLAN, load, read
from core.config.problems import ConfigErrors
from core.config.schema.network import Interface
from core.config.schema.root import V1Alpha1

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))


def test_values_are_typed() -> None:
    text = b"""
machine:
  type: join
  certSANs: [a.example]
  kubelet: {clusterDNS: [10.96.0.10], extraArgs: {v: 2}}
  network:
    interfaces:
      - deviceSelector: {busPath: "00:*"}
        dhcp: yes
        mtu: 0x5dc
  time: {bootTimeout: 1m30s}
  sysctls: {vm.swappiness: 10}
  files: [{path: /var/a, permissions: 0644}]
  disks: [{device: /dev/sdb, partitions: [{size: 1GiB, mountpoint: /var/a}]}]
"""
    machine = read(text).v1alpha1.machine
    assert machine.type == "worker"
    assert machine.cert_sans == ("a.example",)
    assert machine.kubelet.cluster_dns == ("10.96.0.10",)
    assert machine.kubelet.extra_args == {"v": ("2",)}
    (interface,) = machine.network.interfaces
    assert interface.device_selector is not None
    assert interface.device_selector.bus_path == "00:*"
    assert (interface.dhcp, interface.mtu, interface.dhcp_options.route_metric) == (True, 1500, 1024)
    assert machine.time.boot_timeout == 90.0
    assert machine.sysctls == {"vm.swappiness": "10"}
    assert machine.files[0].permissions == 0o644
    assert machine.disks[0].partitions[0].size == 2**30


def test_values_are_frozen_and_plain() -> None:
    interface = read(b"machine: {network: {interfaces: [{interface: eth0}]}}").v1alpha1.machine.network.interfaces[0]
    assert type(interface.interface) is str
    with pytest.raises(AttributeError):
        interface.mtu = 1  # type: ignore[misc]  # the point


def test_a_part_is_not_complete() -> None:
    assert not read(b"cluster: {clusterName: a}").complete
    assert not read(b"machine: ~\ncluster: {clusterName: a}").complete
    assert read(b"machine: {}").complete


def test_every_attribute_is_the_key_in_snake_case() -> None:
    def check(plan: Plan) -> None:
        if isinstance(plan, Keys):
            for key, field in plan.fields.items():
                squeezed = field.attribute.replace("_", "")
                assert squeezed == key.replace("-", "").lower()
                check(field.plan)
        elif isinstance(plan, List | Map):
            check(plan.item)

    check(PLAN)


def test_defaults_are_what_an_empty_document_reads_as() -> None:
    assert PLAN.read({}, (), []) == V1Alpha1()
    assert msgspec.to_builtins(Interface()) == {}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_cut_or_bent_config_raises_nothing_else(path: Path) -> None:
    data = path.read_bytes()
    for end in range(0, len(data), max(1, len(data) // 12)):
        _survives(data[:end])
        _survives(data[:end] + b"\x00" + data[end + 1 :])
        _survives(data[:end] + b"]" + data[end:])


@given(st.data())
def test_any_tree_of_known_keys_raises_nothing_else(data: st.DataObject) -> None:
    words = st.sampled_from(["machine", "cluster", "network", "interfaces", "type", "ca", "crt", "kind", "$patch", "x"])
    scalars = st.none() | st.booleans() | st.integers() | st.sampled_from(["", "worker", "1m", "10.0.0.0/8", "yes"])
    trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4))
    _survives(msgspec.json.encode(data.draw(st.dictionaries(words, trees, max_size=4))))


def _survives(data: bytes) -> None:
    try:
        load(data)
    except ConfigErrors as error:
        assert error.problems
        assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in error.problems)


def test_a_sealed_node_imports_nothing_late() -> None:
    script = """
import sys
from pathlib import Path
from core.config.load import load
from core.config.merge import merge
from core.config.problems import ConfigErrors
from core.config.redact import redact
from core.config.support import unsupported
before = set(sys.modules)
for path in sorted(Path("tests/config/corpus").glob("*.yaml")):
    try:
        config = load(path.read_bytes())
        unsupported(config), redact(config), merge(config, b"machine: {token: x}")
    except ConfigErrors as error:
        str(error)
print(*sorted(set(sys.modules) - before))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
