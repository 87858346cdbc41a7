"""ichorctl has the commands of the format's client whose subsystems exist, under all their names and with the flags
that people know; the table that says so is neither ahead of the program nor behind it."""

from collections.abc import Iterator

import click
import pytest

from core.cli.main import ALIASES, cli
from tests.cli.conftest import Run
from tests.support.commands import STATES, Command, table

THERE = [command for command in table() if command.there]
LATER = [command for command in table() if not command.there]


def _find(words: list[str]) -> click.Command | None:
    """The command of these words; the last may be an argument that takes few values."""
    found: click.Command = cli
    for index, word in enumerate(words):
        below = found.get_command(click.Context(found), word) if isinstance(found, click.Group) else None
        if below is None:
            return found if words[index + 1 :] == [] and word in _choices(found) else None
        found = below
    return found


def _choices(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and isinstance(parameter.type, click.Choice):
            yield from parameter.type.choices


def _words(command: Command) -> list[str]:
    return [] if command.name == "talosctl" else command.name.split()


def _flags(command: click.Command) -> set[str]:
    """Of the command; of a group also those that all below it have."""
    own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    below = [_flags(one) for one in command.commands.values()] if isinstance(command, click.Group) else []
    return own | (set.intersection(*below) if below else set())


def test_every_row_says_what_became_of_the_command() -> None:
    assert {command.state for command in table()} == set(STATES)
    assert not [command.name for command in table() if not command.by and command.state != "group"]
    assert len({command.name for command in table()}) == len(table())


@pytest.mark.parametrize("command", THERE, ids=lambda command: command.name)
def test_a_command_has_its_names_and_flags(command: Command) -> None:
    *before, last = _words(command) or [""]
    found = _find([*before, last] if last else [])
    assert found is not None
    for alias in command.aliases:
        assert alias in ALIASES or _find([*before, alias]) is not None
    wanted = {f"--{flag}" for flag in command.flags} | {f"-{letter}" for letter in command.flags.values() if letter}
    absent = {f"--{flag}" for flag in command.without} | {f"-{command.flags[flag]}" for flag in command.without}
    there = wanted & _flags(found)
    assert wanted - there == absent & wanted


@pytest.mark.parametrize("command", LATER, ids=lambda command: command.name)
def test_what_is_not_there_is_not_there(command: Command) -> None:
    """A row goes on to another state with its command."""
    assert _find(_words(command)) is None


def test_what_says_which_node_may_stand_before_the_verb(ichorctl: Run) -> None:
    assert "no client config at nowhere" in ichorctl("--talosconfig", "nowhere", "-n", "10.0.0.1", "version")[2]
    assert "no client config at nowhere" in ichorctl("--talosconfig", "nowhere", "config", "contexts")[2]
    assert "no client config at there" in ichorctl("--talosconfig", "nowhere", "df", "--talosconfig", "there")[2]


@pytest.mark.parametrize(("value", "written"), [("=true", True), ("=false", False), ("", True)])
def test_a_switch_may_have_its_value_behind_it(ichorctl: Run, value: str, written: bool) -> None:
    """Also below a group, and behind a flag that has another value."""
    assert ichorctl("gen", "secrets", "--output-file=true")[0] == 0
    code, _, err = ichorctl("gen", f"--force{value}", "secrets", "-o", "true")
    assert (code == 0, "exists" in err) == (written, not written)


def test_behind_two_dashes_nothing_is_a_switch(ichorctl: Run) -> None:
    assert "--force=false: No such file" in ichorctl("machineconfig", "patch", "-p", "{}", "--", "--force=false")[2]


def test_a_short_version_asks_no_node(ichorctl: Run) -> None:
    code, out, _ = ichorctl("version", "--client", "--short")
    assert (code, out.startswith("Client: v1."), out.count("\n")) == (0, True, 1)
