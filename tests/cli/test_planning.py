"""Who begins anew, who gives up, and that nobody is passed over unsaid."""

import pytest

from core.base.errors import Conflict, Invalid, NotReady
from core.cli.etcd.planning import Host, Report, declared, plan, silent

GONE = "no answer"


def host(name: str, *addresses: str) -> Host:
    return Host(name, frozenset(addresses))


def test_a_plan_keeps_who_knows_most_and_gives_nobody_up_unsaid() -> None:
    ones = [Report("a", 1, 10, 70), Report("b", 1, 11, 75), Report("c", 1, 12, 75)]
    made = plan(ones, {"d": GONE, "e": GONE}, {"d", "e", "f"})
    assert str(made).splitlines() == [
        "b begins a new cluster with its data, up to revision 75",
        "c is wiped and joins anew: revision 75, no newer",
        "a is wiped and joins anew: revision 70, 5 revisions behind",
        "d is given up (no answer): what it alone knew is lost; it joins anew when it is back",
        "e is given up (no answer): what it alone knew is lost; it joins anew when it is back",
    ]
    with pytest.raises(Conflict, match=r"silent: e \(no answer\); bring them back, or declare them lost"):
        plan(ones, {"d": GONE, "e": GONE}, {"d"})
    with pytest.raises(Conflict, match="2 clusters: a of 0000000000000001, x of 0000000000000002; reset"):
        plan([ones[0], Report("x", 2, 10, 70)], {}, ())
    with pytest.raises(NotReady, match="no control plane has data of etcd; bootstrap from a snapshot"):
        plan([], {"d": GONE}, {"d"})


def test_who_is_known_by_anybody_and_was_not_heard_is_silent() -> None:
    heard = [host("a", "10.0.0.1"), host("b", "10.0.0.2", "fd00::2")]
    known = [host("", "10.0.0.3"), host("c", "10.0.0.3", "10.9.0.3"), host("b", "10.0.0.2"), host("", "10.0.0.4")]
    assert silent(heard, known, {"10.9.0.3": GONE, "else": GONE}) == {
        "c": (host("c", "10.0.0.3", "10.9.0.3"), GONE),
        "10.0.0.4": (host("", "10.0.0.4"), "it was not asked"),
        "else": (host("else"), GONE),
    }
    assert silent(heard, [host("a"), host("", "fd00::2")], {}) == {}


def test_who_is_declared_lost_is_silent_and_known() -> None:
    heard = [host("a", "10.0.0.1")]
    unheard = silent(heard, [host("c", "10.0.0.3"), host("", "10.0.0.4")], {"else": GONE})
    assert declared(["10.0.0.3", "else"], heard, unheard, ["node-a"]) == {"c", "else"}
    assert declared(["c", "10.0.0.4"], heard, unheard, ["node-a"]) == {"c", "10.0.0.4"}
    for called in ("a", "10.0.0.1", "node-a"):
        with pytest.raises(Conflict, match=f"{called} answers, so it is not lost"):
            declared([called], heard, unheard, ["node-a"])
    with pytest.raises(Invalid, match=r"no control plane is called d; these are silent: .*c"):
        declared(["d"], heard, unheard, ["node-a"])
