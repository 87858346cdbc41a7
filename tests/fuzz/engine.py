"""Runs targets: each in a process of its own under atheris (libFuzzer). Builds what native targets need in build/fuzz:
our units and init's parsers with ASan and coverage counters."""

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.fuzz.target import CORPUS, load

ROOT: Final = Path(__file__).parents[2]
BUILT: Final = ROOT / "build" / "fuzz"
FOUND: Final = ROOT / "_out" / "fuzz"
# C file (what Cython made of a unit, or a harness) -> libraries
UNITS: Final = {
    "ext/netlink/socket.c": (),
    "ext/ring/ring.c": (),
    "ext/http2/framing.c": (),
    "ext/http2/session.c": ("-lnghttp2",),
    "tests/fuzz/init.c": (),
}
_FLAGS: Final = ("-shared", "-fPIC", "-g", "-O1", "-w", "-fsanitize=address,fuzzer-no-link", "-std=gnu11")
AT_ONCE: Final = 2
SLOWEST: Final = 10  # seconds that one input may take
MEMORY: Final = 1024  # MiB that a process may grow to
_UNITS = re.compile(r"^stat::number_of_executed_units: (\d+)$", re.M)
_ALL = re.compile(r"^(?:INFO: Loaded \d+ modules \s*\(|)(\d+) (?:inline 8-bit counters|edges of Python)", re.M)
_CHATTER = re.compile(r"#\d+\s|INFO: |stat::|WARNING: Failed to find function|0x|\s*$")
_EDGES = re.compile(r"^#\d+\s+\S+\s+cov: (\d+) ", re.M)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: executions, how many edges they reached of all in the code that the target imports, and the
    output of a run that failed."""

    target: str
    executions: int
    edges: int
    of: int
    failure: str

    def __str__(self) -> str:
        done = f"{self.executions} executions, {self.edges} of {self.of} edges"
        return f"{done}\n{self.failure}" if self.failure else done


def shared_object(source: str) -> Path:
    """Where the instrumented build of a C file is."""
    path = Path(source)
    suffix = ".so" if path.is_relative_to("tests") else str(sysconfig.get_config_var("EXT_SUFFIX"))
    return BUILT / path.with_suffix(suffix)


def build() -> None:
    """Compile what is missing or older than its sources."""
    for source, libraries in UNITS.items():
        made = shared_object(source)
        inputs = [ROOT / source, *(ROOT / source).parent.glob("*.h"), *(ROOT / "ext" / "init").glob("*.[ch]")]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
        mark = made.with_suffix(".digest")
        if mark.exists() and mark.read_text() == digest:
            continue
        made.parent.mkdir(parents=True, exist_ok=True)
        include = [f"-I{sysconfig.get_path('include')}", f"-I{ROOT / 'ext' / 'init'}"]
        subprocess.run(["clang", *_FLAGS, *include, "-o", made, ROOT / source, *libraries], check=True)
        mark.write_text(digest)


def command(name: str, arguments: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """How to start a target's process, with its environment. No address is random, so that equal seeds run alike."""
    target = load(name)
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
    if target.native:
        build()
        atheris = find_spec("atheris")
        assert atheris is not None and atheris.origin is not None
        environment["LD_PRELOAD"] = str(Path(atheris.origin).parents[1] / "asan_with_fuzzer.so")
        environment["PYTHONMALLOC"] = "malloc"  # so that ASan knows where a bytes object ends
        environment["ASAN_OPTIONS"] = "detect_leaks=0:allocator_may_return_null=1"
    FOUND.mkdir(parents=True, exist_ok=True)
    limits = (f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}", f"-max_len={target.largest}", "-print_final_stats=1")
    start = ["setarch", "-R", sys.executable, "-m", "tests.fuzz.child", name]
    return [*start, *limits, f"-artifact_prefix={FOUND}/{name}-", *arguments], environment


def run(name: str, *limits: str) -> Outcome:
    """A target on its corpus and on, up to `limits` (libFuzzer's -runs=, -max_total_time=, -seed=)."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as fresh:
        line, environment = command(name, [*limits, fresh, str(CORPUS / name)])
        ended = subprocess.run(
            line, env=environment, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
        )
    output = ended.stderr + ended.stdout  # where Python's traceback is
    counts, edges = _UNITS.findall(output), _EDGES.findall(output)
    said = "\n".join(line for line in output.splitlines() if not _CHATTER.match(line))
    failure = "" if ended.returncode == 0 and counts else said[-8000:] or f"exit status {ended.returncode}"
    executions, reached = (int(found[-1]) if found else 0 for found in (counts, edges))
    return Outcome(name, executions, reached, sum(map(int, _ALL.findall(output))), failure)


def run_all(plans: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[Outcome]:
    """Several targets, two at a time; outcomes in the order of the plans."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started: list[Future[Outcome]] = [pool.submit(run, name, *limits) for name, limits in plans]
        for future in started:
            yield future.result()
