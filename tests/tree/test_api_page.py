"""docs/api.md says what is so: it is made of today's tables, every method is served, and what is real is called."""

from pathlib import Path

from tests.e2e.calls import FLOWS
from tests.support import apipage
from tests.support.commands import table
from tests.support.protos import methods

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_is_of_today() -> None:
    assert PAGE.read_text() == apipage.render(), "run `make docs`"


def test_every_method_is_answered() -> None:
    assert set(apipage.registered()) >= {path[1:] for path in methods()}


def test_what_is_real_is_called() -> None:
    """By a row in tests/e2e/calls.py, where whoever makes a method real adds one."""
    assert set(apipage.registered()) <= set(apipage.tests())


def test_each_command_is_played_or_said_not_to_be_there() -> None:
    """Whoever builds what a command needs changes its row in tests/cli/commands.tsv."""
    assert {name for command in table() for name in apipage.names(command)} <= set(apipage.played())
    for command in table():
        if command.state == "alone":
            path, _, test = command.by.partition("::")
            assert f"def {test}(" in (PAGE.parents[1] / path).read_text(), command.name
    shown = {line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text().splitlines()}
    groups = {command.name for command in table() if command.state == "group"}
    assert {c.name for c in table() if not any(one.startswith(c.name) for one in shown)} <= groups


def test_commands_that_change_a_node_have_their_tests() -> None:
    there = (PAGE.parents[1] / "tests" / "e2e" / "test_flows.py").read_text()
    assert [name for name in FLOWS if f"def {apipage.flow_test(name)}(" not in there] == []
