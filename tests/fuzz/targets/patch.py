"""Patches, strategic and RFC 6902, of a config that has something of everything: they apply or say why not. A config
that was patched can be read again; a strategic patch applied twice to what it leaves alone changes nothing there."""

from collections.abc import Iterator
from functools import cache

from core.config.load import Config, read
from core.config.merge import merge_text
from core.config.problems import ConfigErrors
from tests.fuzz.target import Target, attempt
from tests.fuzz.targets.yaml_text import configs

_BASE = b"""
version: v1alpha1
machine:
  type: worker
  certSANs: [a.example.org, 10.0.0.1]
  network:
    hostname: node
    interfaces:
      - interface: eth0
        addresses: [10.0.0.2/24]
        routes: [{network: 0.0.0.0/0, gateway: 10.0.0.1}]
      - deviceSelector: {hardwareAddr: '02:*'}
        dhcp: true
  sysctls: {vm.max_map_count: '262144'}
  nodeLabels: {a: b}
cluster:
  clusterName: c
  controlPlane: {endpoint: 'https://10.0.0.1:6443'}
"""


@cache
def _base() -> Config:
    return read(_BASE)


def check(data: bytes) -> None:
    text = attempt(ConfigErrors, merge_text, _base(), data)
    if text is not None:
        attempt(ConfigErrors, read, text)
    assert read(_BASE) == _base(), "a patch has changed what it was applied to"


def seeds() -> Iterator[bytes]:
    yield b"machine: {network: {interfaces: [{interface: eth0, mtu: 1400}, {interface: eth1, dhcp: true}]}}"
    yield b"machine:\n  sysctls: {$patch: delete}\n  network: {interfaces: [{interface: eth0, $patch: delete}]}\n"
    yield b"cluster: {$patch: delete}\n---\nmachine: {certSANs: [b], type: '', nodeLabels: {a: null}}\n"
    yield b"[{op: add, path: /machine/certSANs/-, value: z}, {op: remove, path: /machine/sysctls}]"
    yield b"- {op: test, path: /machine/type, value: worker}\n- {op: move, from: /machine/network, path: /cluster/x}\n"
    yield b"- {op: copy, from: /machine/certSANs/0, path: /machine/certSANs/1}\n- {op: replace, path: '', value: {}}\n"
    yield from list(configs())[::9]


TARGET = Target(check, seeds, runs=900, minutes=5)
