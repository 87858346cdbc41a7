"""What of a Node is kept, and that nothing else is: as a merge patch does it (RFC 7396), by table and by property."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cluster.kubernetes.nodes import CORDONED, OWNED_LABELS, OWNED_TAINTS, Taint, Wished, change
from core.cluster.kubernetes.paths import Object


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def node(labels: Object | None = None, annotations: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "n", "resourceVersion": "7", "labels": labels or {}, "annotations": annotations or {}}
    return {"metadata": metadata, "spec": spec}


def after(start: Object, *wishes: Wished) -> Object:
    """The node once each of these was wished for, in a row."""
    for wished in wishes:
        patch = change(start, wished)
        start = start if patch is None else merged(start, patch)
    return start


def test_others_labels_stay_and_ours_go_with_the_wish() -> None:
    start = node({"theirs": "1", "both": "x"})
    made = after(start, Wished(labels={"ours": "a", "both": "y"}))
    assert made["metadata"]["labels"] == {"theirs": "1", "both": "x", "ours": "a"}
    assert made["metadata"]["annotations"] == {OWNED_LABELS: '["ours"]'}
    changed = after(made, Wished(labels={"ours": "b"}))
    assert changed["metadata"]["labels"]["ours"] == "b"
    assert after(changed, Wished())["metadata"] == start["metadata"]


def test_a_change_is_for_one_version_of_the_node() -> None:
    patch = change(node(), Wished(labels={"a": "b"}))
    assert patch is not None
    assert patch["metadata"]["resourceVersion"] == "7"


def test_taints_of_the_registration_are_ours_and_go_with_the_wish() -> None:
    role = {"key": "role", "effect": "NoSchedule"}
    theirs = {"key": "gone", "effect": "NoExecute", "timeAdded": "then"}
    start = node(taints=[theirs, role])
    made = after(start, Wished(taints={"role": Taint("", "NoSchedule"), "gone": Taint("v", "NoSchedule")}))
    assert made["spec"] == start["spec"]
    assert made["metadata"]["annotations"] == {OWNED_TAINTS: '["role"]'}
    assert after(made, Wished())["spec"]["taints"] == [theirs]
    assert after(made, Wished(taints=None)) == made  # a worker, which may not


def test_only_who_closed_a_node_opens_it() -> None:
    closed = after(node(), Wished(cordoned=True))
    assert closed["spec"] == {"unschedulable": True}
    assert closed["metadata"]["annotations"] == {CORDONED: "true"}
    assert after(closed, Wished()) == node()
    by_hand = node(unschedulable=True)
    assert after(by_hand, Wished(cordoned=True), Wished()) == by_hand


@pytest.mark.parametrize("text", ["NoSchedule", ":NoSchedule", "a:NoSchedule", "a:b:NoSchedule"])
def test_taints_are_read_from_their_end(text: str) -> None:
    assert Taint.parse(text) == Taint(text.removesuffix("NoSchedule").removesuffix(":"), "NoSchedule")


KEYS = st.sampled_from("abc")
WORDS = st.dictionaries(KEYS, st.sampled_from("xy"))
TAINTS = st.dictionaries(
    KEYS, st.builds(Taint, st.sampled_from(["", "v"]), st.sampled_from(["NoSchedule", "NoExecute"]))
)
WISHES = st.builds(Wished, WORDS, WORDS, TAINTS, st.booleans())


@given(WORDS, WORDS, st.lists(WISHES, min_size=1, max_size=4))
def test_once_is_enough_and_in_the_end_nothing_is_left(
    labels: Object, annotations: Object, wishes: list[Wished]
) -> None:
    start = node(labels, annotations, taints=[{"key": "theirs", "effect": "NoSchedule"}])
    made = start
    for wished in wishes:
        made = after(made, wished)
        assert change(made, wished) is None
        assert labels.items() <= made["metadata"]["labels"].items()
        assert wished.labels.keys() <= made["metadata"]["labels"].keys()
    assert after(made, Wished()) == start
