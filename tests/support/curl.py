"""curl, as somebody who speaks HTTP/2 and no gRPC."""

import asyncio
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.pki import pem


@dataclass(frozen=True, slots=True)
class Shown:
    """Whom the server is checked by and what it is shown, PEM; without a certificate, a stranger who checks nothing."""

    authority: bytes = b""
    certificate: bytes = b""
    key: bytes = b""

    def arguments(self, folder: Path) -> list[str]:
        """Of curl; the files are put into `folder`."""
        if not self.certificate:
            return ["--insecure"]
        said = []
        material = {"cacert": self.authority, "cert": self.certificate, "key": pem.for_openssl(self.key)}
        for name, content in material.items():
            file = folder / f"{name}.pem"
            file.write_bytes(content)
            said += [f"--{name}", str(file)]
        return said


@dataclass(frozen=True, slots=True)
class Answer:
    """`version` is that of HTTP; headers by lower-case names."""

    version: str
    status: int
    headers: dict[str, str]
    body: bytes


def get(folder: Path, address: str, path: str, shown: Shown | None = None, *more: str) -> Answer:
    """Ask for a page. Raises CalledProcessError when there is no answer of HTTP's."""
    head, body = folder / "head", folder / "body"
    body.write_bytes(b"")
    way = ["--http2-prior-knowledge"] if shown is None else ["--http2", *shown.arguments(folder)]
    url = f"{'http' if shown is None else 'https'}://{address}{path}"
    files = ["--dump-header", str(head), "--output", str(body)]
    subprocess.run(["curl", "--silent", "--show-error", "--max-time", "60", *way, *files, *more, url], check=True)
    opening, *lines = head.read_text().strip().splitlines()
    version, status = opening.split()[:2]
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(version, int(status), headers, body.read_bytes())


async def asked(folder: Path, address: str, path: str, shown: Shown | None = None, *more: str) -> Answer:
    """The same beside a loop that serves."""
    return await asyncio.to_thread(get, folder, address, path, shown, *more)
