"""What a node's processes hold, counted as if the node were alone on the machine."""

import os
import subprocess
from pathlib import Path

from benchmarks.cluster import files, shares, sizes

SMAPS = """\
1000-5000 r-xp 00001000 fe:00 77                     /usr/bin/program with a space
Rss:                  12 kB
Anonymous:             4 kB
5000-6000 rw-s 00000000 00:01 12                     /memfd:ring (deleted)
Rss:                   4 kB
Anonymous:             0 kB
6000-9000 rw-p 00000000 00:00 0                      [heap]
Rss:                   8 kB
Anonymous:             8 kB
9000-a000 r--p 00000000 fe:00 77                     /usr/bin/program with a space
Rss:                   0 kB
Anonymous:             0 kB
"""


def test_a_file_counts_without_what_was_written_to_it() -> None:
    assert files(SMAPS) == {"00001000 fe:00 77": 8192}


def test_what_is_of_no_file_is_shared() -> None:
    assert shares("Pss: 40 kB\nPss_Anon: 12 kB\nPss_File: 24 kB\nPss_Shmem: 4 kB\n") == 16384


def test_processes_of_one_name_are_one_line_and_who_has_ended_holds_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    own = sizes({os.getpid(): "python", ended.pid: "python"})
    assert set(own) == {"python"}
    assert own["python"] > shares(Path("/proc/self/smaps_rollup").read_text()) / 2
