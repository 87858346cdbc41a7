"""What the spawner must import before the seal although no import statement names it."""

import ast
import codecs
import subprocess
import sys
from pathlib import Path

from daemons.spawner.imports import LATE

ROOT = Path(__file__).parents[2]
BUILT_IN = {"utf-8"}  # these need no module
OFF_NODE = {"cli", "image", "provision"}

FORKER = """
import os, ssl
from cryptography.hazmat.primitives.asymmetric import ec
from daemons.spawner.forking import check_pure
from daemons.spawner.imports import warm

def drawn():
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return f"{ssl.RAND_bytes(16).hex()}\\n{key:x}\\n".encode()

warm()
check_pure((0, 1, 2))
os.write(1, drawn())
for _ in range(4):
    pid = os.fork()
    if not pid:
        os.write(1, drawn())
        os._exit(0)
    os.waitpid(pid, 0)
os.write(1, drawn())
"""


def test_a_warm_library_is_pure_and_draws_other_random_numbers_in_each_child() -> None:
    done = subprocess.run([sys.executable, "-c", FORKER], cwd=ROOT, capture_output=True, text=True, check=True)
    drawn = done.stdout.split()
    assert len(drawn) == len(set(drawn)) == 12


def test_every_encoding_named_on_a_node_is_imported_early() -> None:
    named = set()
    for path in (*(ROOT / "core").rglob("*.py"), *(ROOT / "daemons").rglob("*.py")):
        if path.relative_to(ROOT).parts[1] not in OFF_NODE:
            named |= _encodings(ast.parse(path.read_text()))
    imported = {codecs.lookup(name.partition(".")[2]).name for name in LATE if name.startswith("encodings.")}
    assert "utf-16-le" in named
    assert named <= imported | BUILT_IN


def _encodings(tree: ast.AST) -> set[str]:
    """The normal names of the encodings given to encode() and decode() as literals."""
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("encode", "decode")
        ):
            for given in node.args[:1]:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    found.add(codecs.lookup(given.value).name)
    return found
