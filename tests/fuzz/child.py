"""The process of one target: `python -m tests.fuzz.child NAME [libFuzzer's arguments]`, started by tests.fuzz.engine.
Instruments what the target imports of core; takes ext's instrumented units where the runtime for them is preloaded."""

import importlib
import os
import sys
from pathlib import Path

import atheris

from tests.fuzz.engine import BUILT, UNITS
from tests.fuzz.target import load


def _take_instrumented_units() -> None:
    for folder in {Path(source).parent for source in UNITS if source.startswith("ext/")}:
        package = importlib.import_module(".".join(folder.parts))
        package.__path__.insert(0, str(BUILT / folder))


def main() -> None:
    name, *arguments = sys.argv[1:]
    if "LD_PRELOAD" in os.environ:
        _take_instrumented_units()
    with atheris.instrument_imports(include=["core"], exclude=["core.rpc.pb"]):
        target = load(name)
    atheris.Setup([name, *arguments], target.check)
    atheris.Fuzz()


main()
