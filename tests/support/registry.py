"""A real image registry (Debian's docker-registry) for tests: on an address of this machine, with TLS and a password if
wanted; and pushing to it what an OCI layout tar holds, by the distribution specification's plain calls."""

import base64
import io
import json
import socket
import ssl
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

USER, PASSWORD = "puller", "open sesame"
# of USER and PASSWORD: the registry takes bcrypt alone, and Python has none
HTPASSWD = "puller:$2y$04$zECP7lWItVTpJEpArv.LWOk1xGtTK8SyOQfc.oB8cnWhFmizV0mLa\n"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Tls:
    """Files in PEM; with `clients`, callers must show a certificate of this authority."""

    certificate: Path
    key: Path
    clients: Path | None = None


@dataclass(frozen=True)
class Registry:
    """One that runs at `address` ("127.0.0.1:5000")."""

    address: str
    storage: Path
    tls: Tls | None
    password: bool

    @property
    def url(self) -> str:
        """Where it is, as a mirror's endpoint."""
        return f"{'https' if self.tls else 'http'}://{self.address}"

    def push(self, layout: bytes, repository: str, tag: str) -> str:
        """Store the first image of an OCI layout tar; its digest."""
        with tarfile.open(fileobj=io.BytesIO(layout)) as tar:
            blobs = {m.name.rpartition("/")[2]: f.read() for m in tar if (f := tar.extractfile(m)) is not None}
        return self._manifest(blobs, json.loads(blobs["index.json"])["manifests"][0], repository, tag)

    def _manifest(self, blobs: dict[str, bytes], top: dict[str, Any], repository: str, tag: str) -> str:
        data = blobs[top["digest"].partition(":")[2]]
        document = json.loads(data)
        for inner in document.get("manifests", ()):
            self._manifest(blobs, inner, repository, inner["digest"])
        for blob in (document["config"], *document["layers"]) if "config" in document else ():
            self._blob(repository, blob["digest"], blobs[blob["digest"].partition(":")[2]])
        kind = {"Content-Type": top["mediaType"]}
        self.call("PUT", f"/v2/{repository}/manifests/{tag}", data, kind, expected=201)
        return str(top["digest"])

    def _blob(self, repository: str, digest: str, data: bytes) -> None:
        place = self.call("POST", f"/v2/{repository}/blobs/uploads/", expected=202)["Location"]
        kind = {"Content-Type": "application/octet-stream"}
        self.call("PUT", f"{place}&digest={digest}", data, kind, expected=201)

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, expected: int
    ) -> dict[str, str]:
        """One request; the answer's headers."""
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        connection = self._connection()
        try:
            connection.request(method, path, body, {"Authorization": f"Basic {login}", **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == expected, (method, path, answer.status, text)
            return dict(answer.getheaders())
        finally:
            connection.close()

    def _connection(self) -> HTTPConnection:
        if self.tls is None:
            return HTTPConnection(self.address, timeout=30)
        context = ssl._create_unverified_context()  # who it is matters to those who pull
        if self.tls.clients is not None:
            context.load_cert_chain(self.tls.certificate, self.tls.key)
        return HTTPSConnection(self.address, timeout=30, context=context)


@contextmanager
def registry(folder: Path, address: str, *, tls: Tls | None = None, password: bool = False) -> Iterator[Registry]:
    """Run one until the block ends; it keeps its blobs below `folder`. `address` may end with port 0: any free one."""
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(8):
        served = Registry(_free(address), folder / "blobs", tls, password)
        (folder / "htpasswd").write_text(HTPASSWD)
        (folder / "config.json").write_text(json.dumps(_config(served, folder)))  # YAML, too
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(["docker-registry", "serve", folder / "config.json"], stdout=log, stderr=log)
        try:
            if _listens(process, served.address):
                yield served
                return
        finally:
            process.kill()
            process.wait()
        if b"address already in use" not in (folder / "log").read_bytes():  # somebody took the port meanwhile
            break
    raise AssertionError((folder / "log").read_text())


def _config(served: Registry, folder: Path) -> dict[str, Any]:
    tls: dict[str, Any] = {}
    if served.tls is not None:
        tls = {"certificate": str(served.tls.certificate), "key": str(served.tls.key)}
        tls |= {"clientcas": [str(served.tls.clients)]} if served.tls.clients is not None else {}
    login = {"auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}} if served.password else {}
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(served.storage)}},
        "http": {"addr": served.address, "secret": "test", "tls": tls},
        **login,
    }


def _free(address: str) -> str:
    host, _, port = address.rpartition(":")
    if int(port):
        return address
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


def _listens(process: "subprocess.Popen[bytes]", address: str) -> bool:
    """Wait until somebody accepts connections there; False if the registry ended instead."""
    host, _, port = address.rpartition(":")
    while process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=30).close()
        except ConnectionRefusedError:
            try:
                process.wait(0.02)  # nothing tells that it listens
            except subprocess.TimeoutExpired:
                continue
        else:
            return process.poll() is None
    return False
