"""Rules of the tree that no linter sees: imports inside .pyx, third-party packages in one place, who may read argv."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("ext", "core", "daemons")
IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.M)
# each third-party package is imported under these folders alone
HOMES = {
    "cryptography": ("core/pki/",),
    "pyroute2": ("core/linux/",),
    "yaml": ("core/codec/yaml/", "core/codec/yaml.py"),
    "orjson": ("core/codec/json.py",),
    "click": ("core/cli/",),
    "rich": ("core/cli/",),
    "textual": ("core/cli/dashboard/",),
    "uvloop": ("daemons/", "core/cli/"),
}
ARGV = re.compile(r"\bsys\.argv\b|\bos\.environ\b|\bos\.getenv\b|\bsignal\.signal\b|\buvloop\.(run|install)\b")
SPAWN = re.compile(r"\bcreate_subprocess_(exec|shell)\b|\bimport ctypes\b|\bfrom ctypes\b")


def _sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for pattern in ("*.py", "*.pyx", "*.pxd"):
            yield from (p for p in sorted((ROOT / folder).rglob(pattern)) if not p.name.endswith("_pb2.py"))


def _imports(path: Path) -> set[str]:
    text = path.read_text()
    if path.suffix == ".py":
        found: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
        return found
    return {a or b for a, b in IMPORT.findall(text)}


def test_layers_hold_in_cython_too() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for level, folder in enumerate(LAYERS)
        for path in _sources(folder)
        for name in _imports(path)
        if name.partition(".")[0] in (*LAYERS[level + 1 :], "tests", "benchmarks")
    ]
    assert not wrong


@pytest.mark.parametrize("package", HOMES)
def test_a_third_party_package_has_one_home(package: str) -> None:
    strays = [
        str(path.relative_to(ROOT))
        for path in _sources("core", "ext", "daemons")
        if any(name.partition(".")[0] == package for name in _imports(path))
        and not str(path.relative_to(ROOT)).startswith(HOMES[package])
    ]
    assert not strays


def test_only_processes_of_their_own_read_argv_environment_and_signals() -> None:
    """The daemons, the command line, and the keeper of a container node, which `setsid` starts as a program."""
    assert not [
        str(path.relative_to(ROOT))
        for path in _sources("core")
        if not str(path.relative_to(ROOT)).startswith(("core/cli/", "core/provision/keeper.py"))
        and ARGV.search(path.read_text())
    ]


def test_the_node_spawns_through_one_driver() -> None:
    folders = (
        "ext",
        "daemons",
        *(f"core/{f}" for f in ("base", "codec", "pki", "state", "config", "rpc", "linux", "cluster", "node")),
    )
    assert not [str(p.relative_to(ROOT)) for p in _sources(*folders) if SPAWN.search(p.read_text())]


def test_every_unit_has_its_stub() -> None:
    assert not [str(p) for p in (ROOT / "ext").glob("*/*.pyx") if not p.with_suffix(".pyi").exists()]


def test_every_unit_says_what_it_is_in_about_ten_lines() -> None:
    """README.md: what, what it guarantees, numbers with the commit they were measured at, what it is held to."""
    for unit in sorted(path for path in (ROOT / "ext").iterdir() if path.is_dir() and path.name != "__pycache__"):
        text = (unit / "README.md").read_text()
        assert text.startswith(f"# ext/{unit.name}\n\n"), unit
        assert 8 <= len(text.splitlines()) <= 12, unit


def test_every_unit_has_its_twin() -> None:
    """The slow, obvious one that its tests compare it with. init and launch are held to a kernel instead."""
    units = {path.parent.name for pattern in ("*/*.pyx", "*/build_*.py") for path in (ROOT / "ext").glob(pattern)}
    assert not [unit for unit in sorted(units) if not list((ROOT / "tests" / f"ext_{unit}").glob("*twin.py"))]


def test_files_stay_small() -> None:
    assert not [
        str(p.relative_to(ROOT)) for p in _sources("core", "daemons", "ext") if len(p.read_text().splitlines()) > 500
    ]
