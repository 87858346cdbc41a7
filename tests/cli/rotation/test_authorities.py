"""Where an exchange stands, by configs alone: every state that one can be left in leads to its end."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.clock import SystemClock
from core.base.errors import Conflict, Invalid
from core.cli.rotation.authorities import (
    Held,
    Part,
    accepting,
    follows,
    identity,
    judge,
    successor,
    switched,
    without,
    written,
)
from core.config import generate
from core.config.load import load
from core.config.merge import merge
from core.pki import issue
from core.pki.types import Algorithm, Authority, Pair
from tests.node.trust.house import OPTIONS, SECRETS

NOW = SystemClock().now()
OLD = Pair(SECRETS.certs.os.crt, SECRETS.certs.os.key)
NEW, LOST, NEXT = (issue.authority(successor(OLD.crt, Algorithm.ED25519, NOW)) for _ in range(3))
FOREIGN = issue.authority(Authority(NOW, Algorithm.ED25519, "talos"))
FOREIGN_NEW = issue.authority(successor(FOREIGN.crt, Algorithm.ED25519, NOW))
KINDS = (True, True, False)


def _cluster(*accepted: bytes) -> list[Held]:
    return [Held(f"n{n}", leads, OLD if leads else Pair(OLD.crt, b""), accepted) for n, leads in enumerate(KINDS)]


def _advance(held: list[Held], by: int, new: Pair) -> list[Held]:
    """After so many of the nine changes that make up an exchange."""
    gone = judge(held).gone
    for change in range(by):
        step, node = divmod(change, len(held))
        one = held[node]
        held[node] = (accepting(one, new.crt), switched(one, new, OLD.crt), without(one, gone))[step]
    return held


@given(st.integers(0, 9), st.lists(st.sampled_from([LOST, NEXT]), max_size=2, unique_by=lambda pair: pair.crt))
def test_what_a_broken_off_exchange_leaves_says_how_to_go_on(done: int, lost: list[Pair]) -> None:
    held = _advance(_cluster(FOREIGN.crt, FOREIGN_NEW.crt, *(pair.crt for pair in lost)), done, NEW)
    standing = judge(held)
    stale = {identity(pair.crt) for pair in lost}
    if done <= 3:  # nobody holds the key
        assert (standing.old, standing.new) == (OLD.crt, None)
        assert standing.stale == stale | ({identity(NEW.crt)} if done else set())
    elif done < 9:
        assert (standing.old, standing.new) == (OLD.crt, NEW)
        assert standing.stale == stale & {known for one in held for known in one.trusted}
    else:
        assert (standing.old, standing.new) == (NEW.crt, None)
        assert not standing.stale
        assert all(set(one.accepted) == {FOREIGN.crt, FOREIGN_NEW.crt} for one in held)


def test_a_successor_is_an_authority_of_its_predecessor_s_kind() -> None:
    assert follows(NEW.crt) == identity(OLD.crt)
    assert follows(OLD.crt) == ""
    assert issue.algorithm(NEW.crt) is Algorithm.ED25519
    assert not issue.issued_by(NEW.crt, OLD.crt)
    assert issue.issued_by(NEW.crt, NEW.crt)


def test_states_that_no_exchange_leaves_are_refused() -> None:
    with pytest.raises(Invalid, match="none of the nodes is a control plane"):
        judge(_cluster()[2:])
    odd = [Held("n", True, pair, ()) for pair in (OLD, FOREIGN)]
    for held in (odd, [*odd, Held("n", True, NEW, ())]):
        with pytest.raises(Conflict, match="different authorities"):
            judge(held)


@pytest.mark.parametrize("make", [generate.control_plane, generate.worker])
def test_a_config_changes_in_this_alone(make: object) -> None:
    text = make(SECRETS, OPTIONS)  # type: ignore[operator] # one of two functions
    config = merge(load(text), b"machine: {network: {hostname: x}, sysctls: {vm.swappiness: '1'}}")
    held = Held.of("n", config)
    for wanted in (accepting(held, NEW.crt), switched(held, NEW, OLD.crt)):
        changed = load(written(config, wanted))
        assert Held.of("n", changed) == wanted
        assert written(changed, held) == written(config, held)
    assert Held.of("n", load(written(config, held))) == held


def test_the_authority_of_kubernetes_is_exchanged_with_what_vouches_for_it_behind_it_on_control_planes() -> None:
    old = Pair(SECRETS.certs.k8s.crt, SECRETS.certs.k8s.key)
    made = issue.authority(successor(old.crt, issue.algorithm(old.crt), NOW))
    new = Pair(made.crt + issue.vouched(made.crt, old, NOW), made.key)
    texts = {True: generate.control_plane(SECRETS, OPTIONS), False: generate.worker(SECRETS, OPTIONS)}
    held = [Held.of(str(leads), load(text), Part.KUBERNETES) for leads, text in texts.items()]
    steps: list[tuple[Callable[[Held], Held], set[bytes]]] = [
        (lambda one: accepting(one, new.crt), {old.crt, made.crt}),
        (lambda one: switched(one, new, old.crt), {old.crt, made.crt}),
        (lambda one: without(one, frozenset({identity(old.crt)})), {made.crt}),
    ]
    for step, believed in steps:
        for n, one in enumerate(held):
            texts[one.leads] = written(load(texts[one.leads]), step(one), Part.KUBERNETES)
            held[n] = Held.of(one.node, load(texts[one.leads]), Part.KUBERNETES)
            assert held[n].trusted.keys() == {identity(crt) for crt in believed}
        assert judge(held).old in (old.crt, held[0].own.crt)
    assert [one.own for one in held] == [new, Pair(made.crt, b"")]
    assert judge(held).new is None
    machine = load(texts[True]).v1alpha1.machine
    assert machine.ca is not None
    assert machine.ca.crt == SECRETS.certs.os.crt
