"""Dead mounts, in a mount namespace of their own: more of them than there are threads keep nobody from an answer."""

import json
import subprocess
import sys
from pathlib import Path

from tests.node.api.deaf import DEAD


def test_dead_mounts_are_told_without_a_size_and_the_living_with_theirs(tmp_path: Path) -> None:
    apart = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "tests.node.api.deaf"]
    said = subprocess.run([*apart, str(tmp_path)], check=True, stdout=subprocess.PIPE, timeout=60).stdout
    found = json.loads(said)
    assert found.pop("refused") == f"{tmp_path}/dead.0 does not answer"
    assert found.pop("read") == "alive"
    assert (found.pop("first"), found.pop("again")) == ([0] * DEAD, [0] * DEAD)
    assert all(size > 0 for size in found.values())
