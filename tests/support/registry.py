"""A real image registry (Debian's docker-registry) for tests: on an address of this machine, with TLS and a password if
wanted; and pushing to it what an OCI layout tar holds, by the distribution specification's plain calls."""

import base64
import io
import json
import os
import re
import ssl
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import IO, Any, Final

from core.base.errors import IchorError
from tests.support import debian

USER, PASSWORD = "puller", "open sesame"
# of USER and PASSWORD: the registry takes bcrypt alone, and Python has none
HTPASSWD = "puller:$2y$04$zECP7lWItVTpJEpArv.LWOk1xGtTK8SyOQfc.oB8cnWhFmizV0mLa\n"
_LISTENING: Final = re.compile(rb"listening on ([0-9.]+:[0-9]+)")
_LOOK: Final = 0.02  # seconds between looks at what a starting registry says
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


def program() -> Path:
    """Debian's, of this machine's release; downloaded, not installed, for its package would start it."""
    return debian.collected("docker-registry", ("docker-registry",), release="bookworm") / "usr/bin/docker-registry"


class RegistryFailed(IchorError):
    """The registry ended before it listened; the message ends with what it said."""


@contextmanager
def registry(folder: Path, address: str, *, tls: Tls | None = None, password: bool = False) -> Iterator[Registry]:
    """Run one until the block ends; it keeps its blobs below `folder`. `address` may end with port 0: any free one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    with (folder / "log").open("w+b") as log:
        process, listening = start(_config(folder, address, tls, password=password), folder / "config.json", log)
        try:
            yield Registry(listening, folder / "blobs", tls, password)
        finally:
            process.kill()
            process.wait()


def start(
    config: dict[str, Any], file: Path, log: IO[bytes], by: Iterable[str] = ()
) -> tuple[subprocess.Popen[bytes], str]:
    """A registry that listens, run `by` another program, and where: its own word, in `log`. Its config is written to
    `file`. Raises RegistryFailed."""
    file.write_text(json.dumps(config))  # which is YAML, too
    command = [*by, str(program()), "serve", str(file)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    while True:
        ended = _ended(process)
        words = os.pread(log.fileno(), 1 << 20, 0)  # a read would move where it writes
        if found := _LISTENING.search(words):
            return process, found[1].decode()
        if ended:
            raise RegistryFailed(f"the registry ended with status {process.returncode}:\n{words.decode()}")


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is over, after a moment of waiting for that."""
    try:
        process.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _config(folder: Path, address: str, tls: Tls | None, *, password: bool) -> dict[str, Any]:
    secured: dict[str, Any] = {}
    if tls is not None:
        secured = {"certificate": str(tls.certificate), "key": str(tls.key)}
        secured |= {"clientcas": [str(tls.clients)]} if tls.clients is not None else {}
    login = {"auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}} if password else {}
    return {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": False}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": address, "secret": "test", "tls": secured},
        **login,
    }
