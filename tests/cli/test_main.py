"""The frame of ichorctl: verbs are imported when used, failures are one line, every verb's module exists."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from core.base.errors import Invalid
from core.cli import main
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]


def _fresh(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_verb_and_imports_none() -> None:
    script = "import sys; from core.cli import main; main.run(['--help']); print(*sys.modules)"
    *text, modules = _fresh(script).splitlines()
    for verb, (_, about) in main.VERBS.items():
        assert any(verb in line and about in line for line in text)
    loaded = set(modules.split())
    assert not loaded & {
        "rich",
        "textual",
        "cryptography",
        "yaml",
        "asyncio",
        "core.config",
        *(m for m, _ in main.VERBS.values()),
    }


@pytest.mark.parametrize("verb", sorted(main.VERBS))
def test_every_verb_has_its_module(verb: str) -> None:
    assert find_spec(main.VERBS[verb][0].partition(":")[0]) is not None


def _options(command: click.Command) -> list[str]:
    own = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return [f"{command.name} {option}" for option in own] + [option for sub in below for option in _options(sub)]


@pytest.mark.parametrize("verb", sorted(main.VERBS))
def test_no_flag_means_two_things(verb: str) -> None:
    command = main.Verbs().get_command(click.Context(main.cli), verb)
    assert command is not None
    options = _options(command)
    assert len(options) == len(set(options))


def test_aliases_name_verbs() -> None:
    assert set(main.ALIASES.values()) <= set(main.VERBS)
    assert not set(main.ALIASES) & set(main.VERBS)


def test_usage_errors_are_one_line(ichorctl: Run) -> None:
    assert ichorctl("nothing") == (2, "", "error: No such command 'nothing'; see `ichorctl --help`\n")
    code, _, err = ichorctl("validate", "-m", "metal")
    assert (code, err.count("\n")) == (2, 1)
    assert err.endswith("see `ichorctl validate --help`\n")


def test_no_arguments_show_help(ichorctl: Run) -> None:
    code, _, err = ichorctl()
    assert code == 2
    assert "Verbs:" in err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (Invalid("it is wrong", remedy="make it right"), 1, "error: it is wrong; make it right\n"),
        (Invalid("one\ntwo"), 1, "error: one\nerror: two\n"),
        (FileNotFoundError(2, "No such file or directory", "/x"), 1, "error: /x: No such file or directory\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
    ],
)
def test_failures_end_in_one_line(
    ichorctl: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, text: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", fail)
    assert ichorctl("x") == (code, "", text)


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m core.cli.main --help | head -c1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


def test_asking_a_node_loads_nothing_of_machine_configs() -> None:
    loaded = set(_fresh("import sys, core.cli.version; print(*sys.modules)").split())
    assert not loaded & {"rich", "textual", "cryptography", "core.config.load", "core.config.schema.root"}


def test_what_cannot_be_written_is_an_error_of_the_program() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "core.cli.main", "gen", "secrets", "-o", "-"]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")
