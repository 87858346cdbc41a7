"""The image's own launcher and interpreter, with another spawner in the place of ours: what a child only reads it
shares with its parent, once what there is has been made immortal."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support import image

pytestmark = pytest.mark.root

SPAWNER = """
import gc, json, os, sys, weakref

class Thing:
    def __init__(self, number):
        self.name, self.pair = f"thing {number}", (number * 1000, [float(number)])
        self.table = {f"{number}": b"%d" % number}
        self.code = compile(f"f({number}, 'text {number}')", f"file {number}", "eval")

def look(things):
    for thing in things:
        code = thing.code
        each = [thing.name, *thing.pair, *thing.pair[1], *thing.table, *thing.table.values()]
        each += [*code.co_consts, *code.co_names, code.co_filename, code.co_name]

def own():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))

def copied(things):
    # KiB that a child copies by looking at them all
    read, write = os.pipe()
    if os.fork() == 0:
        look(things[:1])
        before = own()
        look(things)
        os.write(write, b"%d" % (own() - before))
        os._exit(0)
    os.close(write)
    with open(read) as file:
        return int(file.read())

def main(launcher):
    gc.disable()
    things = [Thing(number) for number in range(1000, 21000)]
    gc.freeze()
    counted = copied(things)
    launcher.immortalize()
    kept = [sys.getrefcount(each) == sys.getrefcount(None) for each in
        (things, things[7], things[7].name, things[7].pair[0], things[7].pair[1][0], things[7].code.co_consts[1],
         things[7].code.co_filename, next(iter(things[7].table)), things[7].table["1007"], Thing, main)]
    gc.enable()
    young = weakref.ref(thing := Thing(0))
    things.append(thing)
    ring = [things.pop(), thing]
    ring.append(ring)
    del thing, ring
    gc.collect()
    print(json.dumps({"counted": counted, "immortal": copied(things), "kept": kept, "freed": young() is None}))
"""
INSIDE = """
mount -t squashfs -o loop,ro "$IMAGE" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --bind "$CODE" "$ROOT/ichor/lib"
exec chroot "$ROOT" /usr/libexec/ichor/launch
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What the spawner above found out."""
    code, root = tmp_path_factory.mktemp("code"), tmp_path_factory.mktemp("root")
    (code / "daemons").mkdir()
    (code / "daemons/spawner.py").write_text(SPAWNER)
    environment = {
        "IMAGE": str(image.built().image),
        "ROOT": str(root),
        "CODE": str(code),
        "PATH": "/usr/sbin:/usr/bin",
    }
    command = ["unshare", "--mount", "--pid", "--fork", "sh", "-euc", INSIDE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_a_look_copies_nothing(said: Mapping[str, Any]) -> None:
    assert said["counted"] > 8000
    assert said["immortal"] < said["counted"] / 20


def test_strings_numbers_and_code_are_kept_too(said: Mapping[str, Any]) -> None:
    assert said["kept"] == [True] * len(said["kept"])


def test_what_is_younger_is_freed_as_ever(said: Mapping[str, Any]) -> None:
    assert said["freed"] is True
