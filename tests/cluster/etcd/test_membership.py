"""What a node is to do about its place in etcd."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import Conflict
from core.cluster.etcd.membership import Add, Me, Remove, Start, Step, check_removal, joining, successor, voters
from core.rpc.pb.etcd.rpc_pb2 import Member

NAMES = ("a", "b", "c")


def me(name: str) -> Me:
    return Me(name, [f"https://{name}:2380"])


def member(number: int, name: str, *, urls: Sequence[str] = (), learner: bool = False) -> Member:
    return Member(ID=number, name=name, peerURLs=urls or me(name).peer_urls, isLearner=learner)


@dataclass
class Model:
    """etcd's membership as etcd keeps it, and who has data that belong to it."""

    members: list[Member] = field(default_factory=list)
    data: dict[str, int] = field(default_factory=dict)
    last: int = 0

    def add(self, name: str) -> None:
        assert not any(set(me(name).peer_urls) & set(each.peerURLs) for each in self.members), "etcd refuses it"
        self.last += 1
        self.members.append(member(self.last, "", urls=me(name).peer_urls, learner=True))

    def do(self, name: str, step: Step) -> None:
        match step:
            case Remove(gone):
                self.members.remove(gone)
            case Add():
                self.add(name)
            case Start(started, members):
                assert started in self.members
                assert sorted(members) == sorted(f"{n}=https://{n}:2380" for n in {*self.named(), name})
                started.name = name
                self.data[name] = started.ID

    def named(self) -> set[str]:
        return {each.name for each in self.members if each.name}


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["step", "lose", "promote"])), max_size=40))
def test_whoever_is_killed_wherever_comes_in_as_one_member(happenings: list[tuple[str, str]]) -> None:
    """Nodes take a step each, lose their data, are promoted, in any order; then all go on undisturbed."""
    etcd = Model([member(100, "z")], {"z": 100}, 100)
    for name, what in happenings:
        ours = [each for each in etcd.members if etcd.data.get(name) == each.ID]
        if what == "lose":
            etcd.data.pop(name, None)
        elif what == "promote" and ours:
            ours[0].isLearner = False
        elif what == "step" and not ours:
            etcd.do(name, joining(etcd.members, me(name), {*etcd.data.values()}))
    for name in NAMES:
        for _ in range(3):  # remove, add, start
            if name not in etcd.data:
                etcd.do(name, joining(etcd.members, me(name), {*etcd.data.values()}))
    assert sorted(each.name for each in etcd.members) == ["a", "b", "c", "z"]
    assert {each.name: each.ID for each in etcd.members} == etcd.data


def test_a_namesake_that_is_alive_is_left_alone() -> None:
    namesake = member(1, "a", urls=["https://elsewhere:2380"])
    with pytest.raises(Conflict, match="member a at https://elsewhere:2380 is alive; give this node a name of its own"):
        joining([namesake], me("a"), {1})
    assert joining([namesake], me("a"), set()) == Remove(namesake)


def test_one_that_was_added_for_other_addresses_of_ours_is_replaced() -> None:
    waiting = member(1, "", urls=["https://a:2380", "https://old:2380"], learner=True)
    assert joining([waiting], me("a"), set()) == Remove(waiting)


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_who_is_left_after_a_removal_is_a_majority(learners: list[bool], data: st.DataObject) -> None:
    members = [member(number, str(number), learner=learner) for number, learner in enumerate(learners)]
    serving = data.draw(st.sets(st.sampled_from(range(len(members)))))
    gone = data.draw(st.sampled_from(members))
    try:
        check_removal(members, gone, serving)
    except Conflict:
        left = [each.ID for each in voters(members) if each != gone]
        assert not gone.isLearner
        assert len(serving & set(left)) * 2 <= len(left)
    else:
        left = [each.ID for each in voters(members) if each != gone]
        assert gone.isLearner or len(serving & set(left)) * 2 > len(left)


def test_a_refused_removal_says_whom_to_bring_back() -> None:
    members = [member(1, "a"), member(2, "b"), member(3, "c")]
    with pytest.raises(Conflict, match="without a, 1 of 2 voting members would serve: no majority; bring back c"):
        check_removal(members, members[0], {1, 2})
    with pytest.raises(Conflict, match="a is the last voting member of etcd"):
        check_removal([members[0], member(4, "d", learner=True)], members[0], {1, 4})


def test_leadership_goes_to_one_who_votes_and_serves() -> None:
    members = [member(1, "a"), member(2, "b"), member(3, "c"), member(4, "d", learner=True)]
    assert successor(members, 1, {1, 3, 4}) == members[2]
    assert successor(members, 3, {3, 4}) is None
