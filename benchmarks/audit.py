"""What the audit hook of a sealed interpreter costs: `launch` as it is beside the same program without the hook, with
this machine's Python and a script in the spawner's place. An event that the hook lets pass is compared with all that it
refuses, so it is the dearest; opening a file shows what that is beside real work."""

import json
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.run import Run

UNIT: Final = page.ROOT / "ext/launch"
SCRIPT: Final = """
import json, os, sys, time

def main(launcher):
    launcher.seal()
    audit, clock, times, opens = sys.audit, time.perf_counter, range(100_000), range(10_000)
    began = clock()
    for _ in times:
        audit("ichor.benchmark")
    passed = clock()
    for _ in opens:
        os.close(os.open(os.devnull, os.O_RDONLY))
    print(json.dumps([(passed - began) / len(times) * 1e9, (clock() - passed) / len(opens) * 1e9]))
    return 0
"""


def figures(run: Run) -> Iterator[Figure]:
    """Turn by turn, a process each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "daemons").mkdir()
        (folder / "daemons/spawner.py").write_text(SCRIPT)
        sealed = _build(folder, "sealed", UNIT / "seal.c")
        bare = _build(folder, "open", Path(__file__).with_name("audit_open.c"))
        rounds = [(_run(sealed), _run(bare)) for _ in range(run.rounds(11, 50))]
    for index, what in enumerate(("audit: an event let pass", "- a file opened and closed")):
        ours, others = ([both[which][index] for both in rounds] for which in (0, 1))
        yield Figure(what, "ns", ours, peer=("without the hook", others))


def _build(folder: Path, name: str, seal: Path) -> Path:
    """launch with that seal, for this Python, its code in `folder`."""
    stdlib = sysconfig.get_path("stdlib")
    paths = f'-DICHOR_PATHS="{folder}", "{stdlib}", "{stdlib}/lib-dynload"'
    flags = (f"-I{UNIT}", f"-I{sysconfig.get_path('include')}", "-O2")
    library = f"-lpython{sysconfig.get_config_var('LDVERSION')}"
    sources = (*(source for source in sorted(UNIT.glob("*.c")) if source.name != "seal.c"), seal)
    subprocess.run(["gcc", "-o", str(folder / name), paths, *flags, *sources, library], check=True)
    return folder / name


def _run(program: Path) -> list[float]:
    """Nanoseconds for an event, and for a file."""
    found: list[float] = json.loads(subprocess.run([program], env={}, stdout=subprocess.PIPE, check=True).stdout)
    return found
