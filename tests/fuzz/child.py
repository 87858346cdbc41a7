"""The process of one target: `python -m tests.fuzz.child NAME [libFuzzer's arguments]`, started by tests.fuzz.engine.
Instruments what the target imports of core; takes ext's instrumented units where the runtime for them is preloaded."""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location

import atheris

from tests.fuzz.engine import UNITS, shared_object
from tests.fuzz.target import load


class _Instrumented(MetaPathFinder):
    """Finds ext's units in the instrumented build."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        source = fullname.replace(".", "/") + ".c"
        return spec_from_file_location(fullname, shared_object(source)) if source in UNITS else None


def main() -> None:
    name, *arguments = sys.argv[1:]
    if "LD_PRELOAD" in os.environ:
        sys.meta_path.insert(0, _Instrumented())
    with atheris.instrument_imports(include=["core"], exclude=["core.rpc.pb"]):
        target = load(name)
    target.check(b"")  # loads what is only loaded when it is needed
    print(f"{atheris._reserve_counter()} edges of Python", file=sys.stderr)
    # to merge corpora, libFuzzer starts this line again through a shell
    atheris.Setup([f"{sys.executable} -m tests.fuzz.child {name}", *arguments], target.check)
    atheris.Fuzz()


main()
