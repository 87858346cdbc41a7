"""What a node tells the others of itself, and how it is sealed: who knows the cluster's secret reads it and makes it,
whoever passes it on does neither. Owns the bytes; refuses what does not say who it is about."""

import os
from ipaddress import ip_address, ip_network

import msgspec

from ext.seal import gcm

LARGEST = 8 << 10
"""Bytes of one sealed."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A node by its own words. `stamp` grows with each change: of two the higher one counts. `machine` is a number of
    MachineType, `api_server_port` 0 for who is no control plane. Who has `left` is none of the nodes any more."""

    node_id: str
    stamp: int
    addresses: tuple[str, ...] = ()
    hostname: str = ""
    nodename: str = ""
    system: str = ""
    machine: int = 0
    api_server_port: int = 0
    pod_networks: tuple[str, ...] = ()
    left: bool = False

    def __post_init__(self) -> None:
        for text in self.addresses:
            ip_address(text)
        for text in self.pod_networks:
            ip_network(text)
        if not 0 <= self.api_server_port < 1 << 16:
            raise ValueError(f"{self.api_server_port} is no port")


class Sealer:
    """By the secret (32 bytes) and id of a cluster."""

    def __init__(self, secret: bytes, cluster_id: str) -> None:
        self._secret, self._cluster_id = secret, cluster_id

    def seal(self, told: Told) -> bytes:
        """For others to keep: each time another one, though it says the same."""
        nonce = os.urandom(gcm.NONCE)
        return nonce + gcm.seal(self._secret, nonce, msgspec.json.encode(told), self._about(told.node_id))

    def unseal(self, node_id: str, sealed: bytes) -> Told | None:
        """What the node told; None if it did not, or another cluster's did, or it says nothing that can be right."""
        nonce = sealed[: gcm.NONCE]
        if not gcm.NONCE + gcm.TAG <= len(sealed) <= LARGEST:
            return None
        text = gcm.unseal(self._secret, nonce, sealed[gcm.NONCE :], self._about(node_id))
        if text is None:
            return None
        try:
            told = msgspec.json.decode(text, type=Told)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return told if told.node_id == node_id else None

    def _about(self, node_id: str) -> bytes:
        return f"ichor affiliate\0{self._cluster_id}\0{node_id}".encode()
