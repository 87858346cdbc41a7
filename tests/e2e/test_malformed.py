"""What fuzzing found worth keeping (tests/fuzz/corpus), said to the doors of a node that runs: through mTLS to apid and
what is behind it, and to trustd. Each call gets a status or its stream's end, each connection an orderly end, and
afterwards the daemons are those that they were, with no descriptor and no memory more."""

import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import hpack
import pytest

from core.config import bundle
from core.config.client import Context
from core.pki import pem
from core.rpc.pb.security.security_pb2 import CertificateRequest
from tests.fuzz import frames
from tests.fuzz.target import CORPUS
from tests.fuzz.targets.calls import _METHODS as METHODS
from tests.rpc import raw
from tests.support.cluster import Node
from tests.support.descriptors import QUIET, descriptors
from tests.support.pid1 import until

VERSION, SIGN = "/machine.MachineService/Version", "/securityapi.SecurityService/Certificate"
BRIEF: Final = ("grpc-timeout", "200m")
WHOLE, OPEN = frames.END_HEADERS | frames.END_STREAM, frames.END_HEADERS
DAEMONS = ("ichor-apid", "ichor-trustd", "ichor-machined", "ichor-spawner")
SPARE_MEMORY: Final = 2 << 20  # of a daemon's own: a hundred forgotten connections would take more
Said = tuple[bytes, bool]
"""What is written, and whether it is a whole call, which is to be answered."""


def _session(data: bytes) -> Said:
    return (frames.OPENING if data[:1] and data[0] & 1 else b"") + data[1:], False


def _block(data: bytes) -> Said:
    return frames.OPENING + frames.frame(frames.HEADERS, WHOLE, 1, data[1:]), False


def _framing(data: bytes) -> Said:
    return _whole(VERSION, data[2:]), True


def _metadata(data: bytes) -> Said:
    fields = [(name, value) for name, _, value in (line.partition(b": ") for line in data.split(b"\n"))]
    block = raw.block(VERSION, BRIEF) + hpack.Encoder().encode(fields)
    body = frames.frame(frames.DATA, frames.END_STREAM, 1, frames.message(b""))
    return frames.OPENING + frames.frame(frames.HEADERS, OPEN, 1, block) + body, True


def _call(data: bytes) -> Said:
    method, pieces, request = data[0] if data else 0, data[1] % 3 + 1 if data[1:] else 1, data[2:]
    size = -(-len(request) // pieces) or 1
    messages = [request[at : at + size] for at in range(0, len(request), size)] or [b""]
    return _whole(METHODS[method % len(METHODS)], b"".join(map(frames.message, messages))), True


def _request(data: bytes, *token: tuple[str, str]) -> Said:
    request = CertificateRequest(csr=data[1:]).SerializeToString()
    return _whole(SIGN, frames.message(request), *token), True


def _whole(path: str, body: bytes, *more: tuple[str, str]) -> bytes:
    head = frames.frame(frames.HEADERS, OPEN, 1, raw.block(path, BRIEF, *more))
    return frames.OPENING + head + frames.frame(frames.DATA, frames.END_STREAM, 1, body)


SAID: Final[dict[str, Callable[[bytes], Said]]] = {
    "http2_server": _session,
    "hpack_block": _block,
    "framing": _framing,
    "metadata": _metadata,
    "calls": _call,
}


class Peer:
    """A connection and what came by it."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext) -> None:
        self._sock = tls.wrap_socket(socket.create_connection(address, 30), server_hostname=address[0])
        self._decoder = hpack.Decoder()
        self._here = b""
        self.statuses: list[dict[bytes, bytes]] = []
        self.over = False

    def say(self, wire: bytes, *, answered: bool) -> None:
        """Say it, hear the answer, hang up and hear the rest, up to the end."""
        with self._sock, suppress(ConnectionError):  # the server may have heard enough before all was said
            self._sock.sendall(wire)
            while answered and not self.over and self._hear():
                pass
            with socket.socket(fileno=os.dup(self._sock.fileno())) as half:
                half.shutdown(socket.SHUT_WR)
            while self._hear():
                pass

    def _hear(self) -> bool:
        while len(self._here) < 9 or len(self._here) < 9 + int.from_bytes(self._here[:3], "big"):
            if not (data := self._read()):
                return False
            self._here += data
        size = int.from_bytes(self._here[:3], "big")
        (kind, flags), payload = self._here[3:5], self._here[9 : 9 + size]
        self._here = self._here[9 + size :]
        self._take(kind, flags, payload)
        return True

    def _read(self) -> bytes:
        try:
            return self._sock.recv(65536)
        except ssl.SSLError:  # the answer to hanging up without TLS's goodbye
            return b""

    def _take(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == frames.HEADERS:
            fields = {bytes(name): bytes(value) for name, value in self._decoder.decode(payload, raw=True)}
            if b"grpc-status" in fields:
                self.statuses.append(fields)
        ends = kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM
        self.over = bool(self.over or ends or kind in (frames.RST_STREAM, frames.GOAWAY))


@pytest.fixture(scope="module")
def steady(spare: Node) -> Iterator[None]:
    """In the end the same processes hold the same."""
    spare.await_ready()
    pids = {name: spare.pid(name) for name in DAEMONS}
    held = {name: descriptors(pid) | QUIET[name] for name, pid in pids.items()}
    yield
    assert {name: spare.pid(name) for name in DAEMONS} == pids
    for name, pid in pids.items():
        with suppress(AssertionError):
            until(lambda: _more(pid, held[name]) == {})  # noqa: B023 - called at once
        assert _more(pid, held[name]) == {}, name


def _more(pid: int, held: Counter[str]) -> Counter[str]:
    """What it has open beyond that."""
    return descriptors(pid) - held


def _memory(pid: int) -> int:
    """Bytes of its own."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0]) << 10


def _tls(context: Context, folder: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(cadata=context.ca.decode())
    made.set_alpn_protocols(["h2"])
    if context.crt:
        (folder / "pair").write_bytes(context.crt + pem.for_openssl(context.key))
        made.load_cert_chain(folder / "pair")
    return made


def _play(address: tuple[str, int], tls: ssl.SSLContext, said: Iterator[Said]) -> None:
    for wire, answered in said:
        peer = Peer(address, tls)
        peer.say(wire, answered=answered)
        assert peer.over or not answered, wire
        for fields in peer.statuses:
            assert 0 <= int(fields[b"grpc-status"]) <= 16, (wire, fields)
            assert fields.get(b"grpc-message") != b"internal error", (wire, fields)


def _corpus(name: str) -> Iterator[Said]:
    for path in sorted((CORPUS / name).iterdir()):
        yield SAID[name](path.read_bytes())


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("name", SAID)
def test_through_the_front_door(spare: Node, tmp_path: Path, name: str) -> None:
    address, tls = (spare.address, 50000), _tls(spare.context(), tmp_path)
    pids = [spare.pid(daemon) for daemon in ("ichor-apid", "ichor-machined")]
    _play(address, tls, _corpus(name))
    before = [_memory(pid) for pid in pids]
    _play(address, tls, _corpus(name))
    for pid, memory in zip(pids, before, strict=True):
        assert _memory(pid) - memory < SPARE_MEMORY


@pytest.mark.usefixtures("steady")
def test_at_trustd_by_who_has_no_certificate(spare: Node, tmp_path: Path) -> None:
    path = spare.home.places.cluster(spare.cluster.spec.name) / "secrets.yaml"
    secrets = bundle.load(path.read_bytes(), path.name)
    address, tls = (spare.address, 50001), _tls(Context(ca=secrets.certs.os.crt), tmp_path)
    trustd = spare.pid("ichor-trustd")
    for name in ("http2_server", "hpack_block", "metadata"):
        _play(address, tls, _corpus(name))
    before = _memory(trustd)
    for token in ((), (("token", "wrong"),), (("token", secrets.trustd.token),)):
        _play(address, tls, (_request(file.read_bytes(), *token) for file in sorted((CORPUS / "csr").iterdir())))
    for name in ("http2_server", "hpack_block", "metadata"):
        _play(address, tls, _corpus(name))
    assert _memory(trustd) - before < SPARE_MEMORY
