"""The node's groups on this kernel's hierarchies: each limit of the table is set, or told to be refused."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.linux.cgroup import Tree
from core.node.services import groups
from tests.linux.cgroup.test_conformance import TREES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="making groups needs root")
KEYS = {
    "v1": {"memory_max": "memory.limit_in_bytes", "pids_max": "pids.max"},
    "v2": {"memory_min": "memory.min", "memory_low": "memory.low", "memory_max": "memory.max", "pids_max": "pids.max"},
}


@pytest.fixture(params=TREES, ids=lambda root: Tree.detect(root).kind)
def tree(request: pytest.FixtureRequest) -> Iterator[Tree]:
    whole, base = Tree.detect(request.param), f"ichor-test-{uuid.uuid4().hex[:8]}"
    whole.make(base)
    yield Tree.detect(request.param, base=base)
    whole.remove(base)


def test_every_limit_of_ours_is_set_or_told(tree: Tree) -> None:
    refused = {(limit.path.partition("/")[2], limit.setting) for limit in groups.make(tree)}
    for group in ("system/apid", "system/trustd", "system/workers"):
        limits = groups.GROUPS[group]
        assert limits.memory_max
        assert limits.pids_max
        assert not limits.swap
        for attribute, name in KEYS[tree.kind].items():
            wanted = getattr(limits, attribute)
            if wanted is None:
                continue
            files = [folder / name for folder in tree.folders(group) if (folder / name).exists()]
            if (group, name) in refused:
                assert not files or all(_value(file) != wanted for file in files)
            else:
                assert [_value(file) for file in files] == [wanted], (group, name)


def _value(file: Path) -> int:
    text = file.read_text().strip()
    return int(text) if text.isdecimal() else -1
