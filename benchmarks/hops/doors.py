"""grpc-go's processes for the same hops: for each node a door in its network namespace and in apid's control groups,
and a back behind a unix socket in machined's; keys as ours (Ed25519), TLS 1.3 alone. The back has its answers ready,
where machined makes them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.hops.nodes import record
from benchmarks.node import BenchNode
from benchmarks.rpc.certificates import ED25519, certificates, files
from benchmarks.rpc.drive import Program, running
from tests.support import golang

PORT: Final = 50010
GROUPS: Final = Path("/sys/fs/cgroup")


@contextmanager
def doors(folder: Path, nodes: Sequence[BenchNode]) -> Iterator[list[Program]]:
    """All of them, serving on PORT of the nodes' addresses."""
    certificates(folder, ED25519, [node.host for node in nodes])
    with ExitStack() as stack:
        programs: list[Program] = []
        for number, node in enumerate(nodes):
            answers = folder / f"answers.{number}"
            answers.mkdir()
            asyncio.run(record(node, answers))
            socket = f"unix:{folder}/back.{number}"
            ours = node.ours()
            back = [str(golang.binary("rpc")), "back", socket, str(answers)]
            inside = ["nsenter", f"--net=/proc/{node.init}/ns/net", str(golang.binary("rpc"))]
            shown = files(folder, "client")[1:]
            front = [*inside, "front", f"{node.host}:{PORT}", *files(folder, "server"), socket, *shown]
            for command, twin in ((back, "ichor-machined"), (front, "ichor-apid")):
                program = stack.enter_context(running(command))
                program.read()
                join(program.pid, ours[twin])
                programs.append(program)
        yield programs


def join(pid: int, other: int) -> None:
    """Put a process into the control groups of another: what each gets of a busy machine is theirs to share."""
    for line in Path(f"/proc/{other}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        folder = GROUPS / (names.removeprefix("name=") or "unified")
        procs = (folder if folder.exists() else GROUPS) / path.lstrip("/") / "cgroup.procs"
        procs.write_text(str(pid))
