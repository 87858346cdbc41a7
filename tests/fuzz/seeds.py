"""`python -m tests.fuzz.seeds [NAME...]`: write the seeds of these targets (or of all) into their corpora, beside what
fuzzing has added. Equal seeds make equal files: nothing in them is random, secret or of this machine."""

import hashlib
import sys

from tests.fuzz.target import CORPUS, load, names


def write(name: str) -> int:
    """How many files are new."""
    target, folder, new = load(name), CORPUS / name, 0
    folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        assert len(seed) <= target.largest, f"a seed of {name} has {len(seed)} bytes"
        path = folder / f"seed-{hashlib.sha256(seed).hexdigest()[:12]}"
        new += not path.exists()
        path.write_bytes(seed)
    return new


for wanted in sys.argv[1:] or names():
    print(f"{wanted}: {write(wanted)} new seeds")
