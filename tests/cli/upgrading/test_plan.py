"""What an upgrade is to change, by configs alone: wherever it was broken off, the rest is the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import Conflict, Invalid, Unsupported
from core.cli import files
from core.cli.upgrading.components import COMPONENTS, KUBELET, PROXY
from core.cli.upgrading.plan import Change, Held, Member, Plan, make
from core.cluster.kubernetes.upgrades import Version
from core.codec import yaml
from core.config import generate, images
from core.config.generate import Options
from core.config.load import load
from tests.node.trust.house import SECRETS

OLD, NEW = Version.parse("1.33.4"), Version.parse("1.34.1")
PARTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
PLANES, WORKER = (Member("cp-1", "10.9.0.1"), Member("cp-2", "10.9.0.2")), Member("w-1", "10.9.0.3")


def _held(member: Member, *patches: dict[str, Any], version: Version = OLD) -> Held:
    make_config = generate.worker if member == WORKER else generate.control_plane
    text = make_config(SECRETS, Options(name="c", endpoint="https://10.9.0.1:6443", kubernetes=str(version)))
    return Held(member, load(files.patched(text, member.name, [yaml.dump(patch).decode() for patch in patches])))


def _cluster(*patches: dict[str, Any]) -> list[Held]:
    return [_held(member, *patches) for member in (*PLANES, WORKER)]


def _made(held: list[Held], change: Change) -> list[Held]:
    """After that change."""
    patch = yaml.dump(change.component.patch(change.after)).decode()
    return [
        Held(one.member, load(files.patched(one.config.text, "it", [patch]))) if one.member == change.member else one
        for one in held
    ]


def _rows(plan: Plan) -> list[tuple[str, str]]:
    return [(change.component.name, change.member.name) for change in plan.changes]


def test_parts_are_in_their_order_and_each_on_its_nodes() -> None:
    plan = make(_cluster(), NEW)
    planes = [(part, plane.name) for part in PARTS for plane in PLANES]
    assert _rows(plan) == [*planes, ("kubelet", "w-1")]
    assert (plan.before, plan.after, plan.left) == (OLD, NEW, 11)
    assert {change.after.rpartition(":")[2] for change in plan.changes} == {f"v{NEW}"}
    pulled = [(member.name, namespace, image.rpartition("/")[2]) for member, namespace, image in plan.pulls]
    assert ("w-1", "cri", f"kube-proxy:v{NEW}") in pulled
    assert ("w-1", "system", f"kubelet:v{NEW}") in pulled
    assert len(pulled) == len(set(pulled)) == 12


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 11))
def test_wherever_it_was_broken_off_the_rest_is_left(done: int) -> None:
    held = _cluster()
    whole = make(held, NEW)
    for change in whole.changes[:done]:
        held = _made(held, change)
    plan = make(held, NEW, OLD)
    assert _rows(plan) == _rows(whole)
    assert [change for change in plan.changes if change.before != change.after] == list(whole.changes[done:])
    assert {each for each in plan.pulls if each[1] == "system"} <= set(whole.pulls)
    assert plan.left == 11 - done


def test_a_config_changes_in_its_images_alone() -> None:
    held = _cluster()
    for change in make(held, NEW).changes:
        held = _made(held, change)
    for one, before in zip(held, _cluster(), strict=True):
        assert one.config.text.replace(str(NEW).encode(), str(OLD).encode()) == before.config.text


def test_images_stay_where_they_are() -> None:
    digest = "@sha256:" + 64 * "0"
    own = {"cluster": {"apiServer": {"image": f"host:5000/own/api:v{OLD}{digest}"}}}
    (change, *_) = make([_held(PLANES[0], own)], NEW).changes
    assert change.after == f"host:5000/own/api:v{NEW}"


def test_a_config_that_names_none_has_the_published_one() -> None:
    config = yaml.load(_held(PLANES[0]).config.text)
    assert isinstance(config, dict)
    for part in COMPONENTS:
        del config[part.place[0]][part.place[1]]["image"]
    held = Held(PLANES[0], load(yaml.dump(config)))
    plan = make([held], Version.parse(images.KUBERNETES))
    assert plan.left == 0
    assert [change.before for change in plan.changes] == [part.published for part in COMPONENTS]


def test_what_a_node_does_not_run_is_left_out() -> None:
    off = {"disabled": True}
    machine = {"controlPlane": {"controllerManager": off, "scheduler": off}}
    plan = make([_held(PLANES[0], {"machine": machine, "cluster": {"proxy": off}})], NEW)
    assert [name for name, _ in _rows(plan)] == ["kube-apiserver", "kubelet"]


def test_kubelets_may_stay_as_far_behind_as_they_can() -> None:
    plan = make(_cluster(), NEW, kubelets=False)
    assert KUBELET not in {change.component for change in plan.changes}
    late = [_held(WORKER, version=Version.parse("1.30.0"))]
    for kubelets in (False, True):  # the control plane is first, and they are under it meanwhile
        with pytest.raises(Unsupported, match=r"a kubelet 1\.30\.0 cannot stay.*; take kubelets to the version"):
            make([*_cluster(), *late], NEW, kubelets=kubelets)
    own = make([*_cluster(), *late], OLD)
    assert [change.member for change in own.changes if change.before != change.after] == [WORKER]
    assert str(own.before) == "1.30.0"


def test_a_control_plane_never_goes_back_to_an_older_release() -> None:
    """Not for kubelets that are behind, nor when an upgrade was broken off."""
    late = [_held(WORKER, version=Version.parse("1.31.0"))]
    with pytest.raises(Unsupported, match=r"kube-apiserver of cp-1 is 1\.33\.4, and no way leads back to 1\.32\.0"):
        make([*_cluster(), *late], Version.parse("1.32.0"))
    assert make([*_cluster(), *late], NEW).left == 12
    half = _cluster()
    for change in make(half, NEW).changes[:3]:
        half = _made(half, change)
    with pytest.raises(Unsupported, match=r"is 1\.34\.1, and no way leads back to 1\.33\.4; go on to where it is"):
        make(half, OLD)
    assert make(half, Version.parse("1.34.0")).left == 11


def test_what_must_run_and_does_not_is_refused() -> None:
    with pytest.raises(Conflict, match=r"kube-apiserver of cp-1 is 1\.33\.4, not 1\.33\.0"):
        make(_cluster(), NEW, Version.parse("1.33.0"))
    with pytest.raises(Invalid, match="none of the nodes is a control plane"):
        make([_held(WORKER)], NEW)


def test_flags_that_are_gone_are_named_with_their_place() -> None:
    told = {"machine": {"kubelet": {"extraArgs": {"register-schedulable": "true", "v": "2"}}}}
    with pytest.raises(Invalid) as caught:
        make(_cluster(told), NEW)
    assert str(caught.value).splitlines() == [
        f"{name}: kubelet {NEW} knows no --register-schedulable; take it out of machine.kubelet.extraArgs"
        for name in ("cp-1", "cp-2", "w-1")
    ]
    assert make(_cluster(told), Version.parse("1.33.5")).left == 11


def test_the_proxy_is_pulled_by_who_runs_it() -> None:
    held = _cluster()
    for change in make(held, NEW).changes:
        if change.component is not PROXY:
            held = _made(held, change)
    assert [(member.name, namespace) for member, namespace, _ in make(held, NEW).pulls] == [
        ("cp-1", "cri"),
        ("cp-2", "cri"),
        ("w-1", "cri"),
    ]
