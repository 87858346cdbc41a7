"""launch runs the spawner and nothing else, and once sealed nothing comes in."""

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.support.ask import ask, settled
from tests.support.node.daemons.attempts import ATTEMPTS
from tests.support.pid1 import CHECKOUT, Node

PRINTER = """
import sys

def main(launcher):
    print(sys.argv, sys.path, sys.flags.isolated, sys.flags.no_site, launcher.sealed())
    return 7
"""
TRIMMER = """
import hashlib, ssl

def main(launcher):
    hashed = hashlib.new("sha256", b"before").hexdigest()
    print(mapped("libcrypto"))
    launcher.trim()
    print(mapped("libcrypto"))
    print(hashlib.new("sha256", b"before").hexdigest() == hashed, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_mode)

def mapped(name):
    # KiB of the file's code in memory
    total = own = 0
    for line in open("/proc/self/smaps"):
        words = line.split()
        if "-" in words[0]:
            own = name in line and words[1] == "r-xp"
        elif own and words[0] == "Rss:":
            total += int(words[1])
    return total
"""


@pytest.fixture(scope="module")
def printer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """launch with a spawner that only shows what it was given."""
    return launching(PRINTER, tmp_path_factory.mktemp("code"))


def launching(spawner: str, folder: Path) -> Path:
    """launch, built in `folder`, with this for a spawner."""
    (folder / "daemons").mkdir()
    (folder / "daemons/spawner.py").write_text(spawner)
    stdlib = sysconfig.get_path("stdlib")
    target = folder / "launch"
    sources = sorted((CHECKOUT / "ext/launch").glob("*.c"))
    include, library = sysconfig.get_path("include"), f"-lpython{sysconfig.get_config_var('LDVERSION')}"
    paths = f'-DICHOR_PATHS="{folder}", "{stdlib}", "{stdlib}/lib-dynload"'
    subprocess.run(["gcc", "-o", target, paths, *sources, f"-I{include}", library], check=True)
    return target


ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"PYTHONPATH": "/tmp/evil", "PYTHONHOME": "/tmp/evil", "PYTHONSTARTUP": "/tmp/evil.py", "PYTHONINSPECT": "1"},
    {"PYTHONVERBOSE": "1", "PYTHONDEBUG": "1", "PYTHONWARNINGS": "error", "PYTHONPLATLIBDIR": "evil"},
]
ARGUMENTS = [
    [],
    ["-c", "print('evil')"],
    ["-m", "http.server"],
    ["/tmp/evil.py"],
    ["-"],
    ["-i"],
    ["--help"],
    ["-X", "dev"],
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=["none", "paths", "switches"])
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda words: " ".join(words) or "none")
def test_nothing_given_changes_anything(printer: Path, arguments: list[str], environment: dict[str, str]) -> None:
    command = [str(printer), *arguments]
    done = subprocess.run(command, env=environment, input="print('evil')", capture_output=True, text=True, check=False)
    plain = subprocess.run([str(printer)], env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, plain.stdout, "")
    assert plain.stdout.startswith("[''] ['" + str(printer.parent))
    assert plain.stdout.endswith("] 1 1 False\n")


def test_trim_forgets_what_files_hold_and_it_comes_back(tmp_path: Path) -> None:
    done = subprocess.run([launching(TRIMMER, tmp_path)], env={}, capture_output=True, text=True, check=False)
    before, after, rest = done.stdout.split("\n", 2)
    assert int(before) > 100
    assert int(after) == 0
    assert (rest, done.stderr, done.returncode) == ("True 2\n", "", 0)


def test_the_image_build_looks_only_in_the_image() -> None:
    include = f"-I{sysconfig.get_path('include')}"
    source = (CHECKOUT / "ext/launch/main.c").read_text()
    out = subprocess.run(
        ["gcc", "-E", include, "-xc", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
        cwd=CHECKOUT / "ext/launch",
    ).stdout
    line = re.search(r"paths\[\] = \{(.*?)\};", out, re.S)
    assert line is not None
    paths = re.sub(r'"\s*"', "", line[1])
    assert "/usr/lib/ichor" in paths
    assert "/usr/lib/python3." in paths
    assert "local" not in paths


def test_each_refused_event_has_an_attempt() -> None:
    text = (CHECKOUT / "ext/launch/seal.c").read_text()
    table = re.search(r"refused\[\] = \{(.*?)\};", text, re.S)
    assert table is not None
    refused = re.findall(r'"([^"]+)"', table[1])
    tried = {name.partition(" ")[0] for name in ATTEMPTS}
    # raised only on other systems or versions, or by the same functions as others here
    elsewhere = {"os.startfile", "os.spawn", "sys.monitoring.register_callback"}
    missing = [event for event in refused if not any(name.startswith(event) for name in tried)]
    assert set(missing) == elsewhere


def test_a_sealed_daemon_refuses_each(running: Node) -> None:
    settled(running)
    for name in ATTEMPTS:
        reply = ask(running, "attempt", event=name)
        if name.startswith("allowed"):
            assert reply == "done", name
        else:
            assert re.fullmatch(r"(ImportError|PermissionError): sealed: [\w._]+ refused", reply["error"]), name
