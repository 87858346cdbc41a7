"""grpc-go, whose clients are those that users have, at the other end of our server; built from Debian's packages."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from core.rpc.tls import ServerTLS
from tests.rpc.conftest import Run
from tests.rpc.echo import Echo, serving
from tests.rpc.pki import SERVER, Kind, authority, issue
from tests.support import golang

TEXT = "weil's 100 % ü\n🙂"
EXPECTED = {
    "unary": True,
    "initial": ["text", '"\\x00\\xff"'],
    "trailing": ["end", '"\\x00\\xff"'],
    "down": [2000, True],
    "up": 100 * 100,
    "both": True,
    "error": ["ResourceExhausted", TEXT, 1],
    "stream error": ["ResourceExhausted", TEXT, 1],
    "unknown": "Unimplemented",
    "deadline": "DeadlineExceeded",
    "cancelled": "Canceled",
    "large": True,
    "over the limit": "ResourceExhausted",
    "many": 500,
}


@pytest.mark.parametrize("run", ["uvloop"], indirect=True)
@pytest.mark.parametrize("kind", [None, "ed25519", "ecdsa", "rsa"])
def test_grpc_go_as_client(run: Run, tmp_path: Path, kind: Kind | None) -> None:
    program = golang.binary("echo")

    async def main() -> None:
        where: Path | ServerTLS = tmp_path / "s"
        files: list[str] = []
        if kind is not None:
            server, client = issue(authority(kind), kind=kind, usage=(SERVER,)), issue(authority(kind), kind=kind)
            where = ServerTLS(server.pem, server.key, authority(kind).pem)
            for name, content in (("ca", authority(kind).pem), ("crt", client.pem), ("key", client.key)):
                (tmp_path / name).write_bytes(content)
                files.append(str(tmp_path / name))
        echo = Echo()
        async with serving(where, echo) as (address, _):
            command = [str(program), address, *files]
            done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
            seen = json.loads(done.stdout)
        assert {name: seen[name] for name in EXPECTED if seen[name] != EXPECTED[name]} == {}
        assert echo.cancelled == ["hang", "hang"]  # the late one and the cancelled one

    run(main())
