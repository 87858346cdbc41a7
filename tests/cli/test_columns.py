"""Columns of `get`."""

from core.cli.columns import pick

STATUS = {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}], "n": [1, 2]}


def test_paths() -> None:
    assert pick('{.conditions[?(@.type=="Ready")].status}', STATUS) == "True"
    assert pick('{.conditions[?(@.type=="None")].status}', STATUS) == ""
    assert pick("{.conditions[*].type}", STATUS) == "Ready,Other"
    assert (pick("{.n[1]}", STATUS), pick("{.n[2]}", STATUS), pick("{.n}", STATUS)) == ("2", "", "1,2")
