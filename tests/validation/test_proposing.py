"""Proposals by TPE: what they are, and that nothing but the seed and the answers moves them."""

import logging
import random

import numpy as np
import pytest

from quantml import Choice, Integer, Real
from quantml.validation.proposing import Proposals

SPACES = {"x": Real(0.0, 1.0), "n": Integer(1, 10), "m": Choice("a", "b", "c"), "s": Real(1e-4, 1.0, log=True)}


def asked(count, score, seed=1, spaces=SPACES):
    proposals, found = Proposals(spaces, count, np.random.SeedSequence(seed)), []
    for _ in range(count):
        proposal = proposals.ask()
        found.append(proposal.values)
        proposal.tell(score(proposal.values))
    return found


def far(values):
    return -abs(values["x"] - 0.3) - abs(values["n"] - 7) / 10 - (values["m"] != "b") - abs(np.log10(values["s"]) + 2)


def test_values_are_of_their_space_and_come_back_with_their_seed():
    first = asked(25, far)
    np.random.seed(5)  # noqa: NPY002 - what others draw changes nothing
    random.seed(5)
    assert asked(25, far) == first
    assert asked(25, far, seed=2) != first
    assert all(0 <= v["x"] <= 1 and v["n"] in range(1, 11) and v["m"] in "abc" and 1e-4 <= v["s"] <= 1 for v in first)
    assert all(type(v["n"]) is int for v in first)


def test_it_learns_from_the_answers():
    best = [max(map(far, asked(60, far, seed))) for seed in range(4)]
    blind = [max(map(far, asked(60, lambda values: 0.0, seed))) for seed in range(4)]
    assert np.mean(best) > np.mean(blind)
    others = asked(60, lambda values: -far(values))
    assert others[:10] == asked(10, far)  # the first are random whatever they are told
    assert others[11:] != asked(60, far)[11:]


def test_no_proposal_comes_twice_until_all_have_come():
    spaces = {"a": Integer(1, 5), "b": Choice(*"wxyz")}
    proposals, seen = Proposals(spaces, 50, np.random.SeedSequence(1)), []
    while (proposal := proposals.ask()) is not None:
        seen.append(tuple(proposal.values.values()))
        proposal.tell(float(proposal.values["a"]))
    assert len(seen) == len(set(seen)) == 20


def test_there_is_an_end_to_proposals_that_are_refused():
    proposals, count = Proposals({"x": Real(0.0, 1.0)}, 3, np.random.SeedSequence(1)), 0
    while (proposal := proposals.ask()) is not None:
        proposal.refuse()
        count += 1
    assert count == 60


def test_what_is_refused_or_undefined_is_avoided():
    def share(answer):
        proposals, refused = Proposals({"x": Real(0.0, 1.0)}, 60, np.random.SeedSequence(3)), 0
        for _ in range(60):
            proposal = proposals.ask()
            bad = proposal.values["x"] > 0.5
            refused += bad
            answer(proposal) if bad else proposal.tell(1.0 - proposal.values["x"])
        return refused / 60

    assert share(lambda proposal: proposal.refuse()) < 0.25
    assert share(lambda proposal: proposal.tell(float("nan"))) < 0.25


def test_who_falls_behind_the_median_is_said_after_five():
    proposals = Proposals({"x": Real(0.0, 1.0)}, 9, np.random.SeedSequence(1))
    for score in (1.0, 2.0, 3.0, 4.0):
        proposal = proposals.ask()
        assert not proposal.is_behind(1, score - 10.0)
        proposal.tell(score)
    fifth = proposals.ask()
    assert not fifth.is_behind(1, -99.0)
    fifth.tell(5.0)  # at step 1 there were -9, -8, -7, -6 and -99: the median is -8
    assert [proposals.ask().is_behind(1, score) for score in (-8.5, -7.5, float("nan"))] == [True, False, False]


def test_scores_that_differ_by_a_rounding_alone_are_one():
    def step(values):
        return 1.0 + (values["x"] > 0.5)

    def rounded_elsewhere(values):
        return step(values) + 1e-13 * np.sin(1e6 * values["x"])

    assert asked(40, step) == asked(40, rounded_elsewhere)


def test_nothing_is_logged_and_verbosity_stays_as_it_was(capfd, caplog):
    import optuna

    was = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    optuna.logging.enable_propagation()
    try:
        with caplog.at_level(logging.DEBUG):
            asked(12, far)
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    finally:
        optuna.logging.set_verbosity(was)
        optuna.logging.disable_propagation()
    assert [record for record in caplog.records if record.name.startswith("optuna")] == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("space", [Integer(3, 3), Choice(1.5)])
def test_a_space_of_one_value_is_proposed(space):
    values = asked(3, lambda values: values["x"], spaces={"x": Real(0.0, 1.0), "one": space})
    assert {one["one"] for one in values} == {space.grid()[0]}
