"""Runs in the build root's own interpreter, by path and alone: compiles Python for the image, and imports all of it to
learn which modules it takes. Function and module docstrings are dropped, asserts are kept."""

import ast
import importlib
import importlib.util
import json
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path

_UNCHECKED_HASH = 1


def compile_tree(source: Path, target: Path, prefix: str) -> None:
    """Every .py below `source` as a .pyc without its source, under the name it has in the image."""
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source)
        tree = ast.parse(path.read_bytes(), f"{prefix}/{name}")
        _drop_docstrings(tree)
        code = compile(tree, f"{prefix}/{name}", "exec", dont_inherit=True, optimize=0)
        out = target / name.with_suffix(".pyc")
        out.parent.mkdir(parents=True, exist_ok=True)
        header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + bytes(8)
        out.write_bytes(header + marshal.dumps(code))


def _drop_docstrings(tree: ast.Module) -> None:
    """A class keeps one character: dataclasses compute a long signature for those without."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            if isinstance(node, ast.ClassDef):
                first.value.value = "-"
            elif len(node.body) > 1:
                del node.body[0]
            else:
                first.value.value = None


class _Banned:
    """Refuses what is not in the image, so that needing it fails here and not on a node."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is never in the image (core/image/data/banned.txt)", name=name)


def trace(paths: list[str], modules: list[str], sources: str, banned: list[str]) -> dict[str, object]:
    """Names of all modules loaded by importing `modules` and whatever any statement below `sources` would import; and
    why those of `modules` that failed did."""
    failed: dict[str, str] = {}
    sys.path[:] = paths
    for name in [name for name in sys.modules if name.partition(".")[0] in banned]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Banned(set(banned)))
    for name in modules:
        try:
            importlib.import_module(name)
        except (ImportError, AttributeError) as error:
            failed[name] = f"{type(error).__name__}: {error}"
    for name in imports(Path(sources)):
        if name not in failed and _exists(name):
            importlib.import_module(name)
    return {"modules": sorted(sys.modules), "failed": failed}


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


def imports(source: Path) -> Iterator[str]:
    """Absolute names in import statements anywhere in the sources, `from a import b` giving a and a.b."""
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def main() -> None:
    job = json.load(sys.stdin)
    for source, target, prefix in job.get("compile", []):
        compile_tree(Path(source), Path(target), prefix)
    if "trace" in job:
        print(json.dumps(trace(**job["trace"])))


if __name__ == "__main__":
    main()
