"""Another commit's tree, built beside this one, and suites run in both by turns. It is measured with this tree's
benchmarks: the instrument is the same, and where an older tree cannot be measured by it that is said."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import compare, page
from core.cli import imagefile

ROUNDS: Final = 5
# suites for which no image needs to be there
WITHOUT_IMAGE: Final = frozenset({"config", "ring", "reap", "verity", "netlink", "rpc", "units"})
INSTRUMENT: Final = ("benchmarks", "tests/support")

Say = Callable[[str], None]


def measure(commit: str, names: Sequence[str], say: Say, *, long: bool) -> tuple[list[compare.Pair], list[str]]:
    """Every suite in both trees, round by round, each first in every other one; and what could not be compared."""
    base = prepare(commit, say, image=not WITHOUT_IMAGE.issuperset(names))
    found: list[compare.Pair] = []
    failures: list[str] = []
    for name in names:
        rounds = []
        for number in range(2 * ROUNDS if long else ROUNDS):
            say(f"suite {name}, round {number + 1}")
            order = (base, page.ROOT) if number % 2 == 0 else (page.ROOT, base)
            runs = {tree: _run(tree, name) for tree in order}
            said = [f"In {'base' if tree == base else 'this tree'}: {line}" for tree in order for line in runs[tree][1]]
            if said:
                failures += said
                break
            rounds.append((runs[base][0], runs[page.ROOT][0]))
        if rounds:
            compared, lone = compare.pairs(rounds)
            found += compared
            failures += [f"Not in both trees: {label}" for label in lone]
    return found, failures


def prepare(commit: str, say: Say, *, image: bool) -> Path:
    """The commit's tree in the cache, built; a clone that shares this one's objects, and its interpreter. It stays for
    the next time."""
    full = _git("rev-parse", "--verify", f"{commit}^{{commit}}", cwd=page.ROOT).strip()
    tree = imagefile.cache() / "bases" / full
    if not tree.exists():
        say(f"base {full[:10]}: a clone in {tree}")
        with tempfile.TemporaryDirectory(dir=_folder(tree.parent)) as name:
            made = Path(name) / "tree"
            _git("clone", "-q", "--shared", "--no-checkout", str(page.ROOT), str(made), cwd=page.ROOT)
            _git("checkout", "-q", "--detach", full, cwd=made)
            made.rename(tree)
    for part in INSTRUMENT:
        shutil.rmtree(tree / part, ignore_errors=True)
        shutil.copytree(page.ROOT / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    say(f"base {full[:10]}: build")
    # its set-up is ours: the packages are the same for both
    target = ["make", "-s", "-o", ".venv/.setup", f"PY={sys.executable}", "image" if image else "build"]
    subprocess.run(target, cwd=tree, env=_environment(tree), check=True, stdout=sys.stderr)
    return tree


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _run(tree: Path, name: str) -> tuple[dict[str, Any], list[str]]:
    """One short run of a suite in a process of that tree: its figures by label, and why it failed."""
    with tempfile.NamedTemporaryFile("r") as file:
        command = [sys.executable, "-m", "benchmarks", "--brief", "--json", file.name, name]
        done = subprocess.run(command, cwd=tree, env=_environment(tree), capture_output=True, text=True, check=False)
        text = file.read()
    if not text:
        last = done.stderr.strip().splitlines()[-1:]
        return {}, [f"Suite {name} ended with status {done.returncode}: {' '.join(last)}"]
    found = json.loads(text)
    return {figure["label"]: figure for figure in found["figures"]}, found["failures"]


def _environment(tree: Path) -> dict[str, str]:
    """Modules come from the tree, whichever tree the interpreter was set up for."""
    return {**os.environ, "PYTHONPATH": str(tree)}


def _git(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout
