"""Courses that are kept for several runs against those made anew for each."""

import numpy as np
import pytest

from experiments.lab import background
from experiments.lab.background import Background, KeptBackground

DT, LENGTH = 0.1, 500
CURRENTS = Background((2, 5, 9), 30.0, 0.0, 2.0)


def asked(course, sizes):
    next(course)
    return [course.send(n).copy() for n in sizes]


@pytest.mark.parametrize("most", [background.MOST_BYTES, 0], ids=["kept", "too long"])
def test_runs_are_given_the_bits_of_courses_of_their_own(most, monkeypatch):
    monkeypatch.setattr(background, "MOST_BYTES", most)
    kept = KeptBackground(CURRENTS, {DT: LENGTH, 1.0: 50})
    assert kept.seeds == CURRENTS.seeds
    for where in ("soma", "apical"):
        for sizes in ([120, 80], [150, 150, 150, 50], [500], [1, 399]):
            mine, wanted = (asked(x.course(where, DT), sizes) for x in (kept, CURRENTS))
            for piece, other in zip(mine, wanted, strict=True):
                assert np.array_equal(piece, other)
                assert piece.any() == (where == "soma")


def test_runs_that_take_turns_do_not_mix_their_places():
    kept = KeptBackground(CURRENTS, {DT: LENGTH})
    (whole,) = asked(CURRENTS.course("soma", DT), [LENGTH])
    one, other = kept.course("soma", DT), kept.course("soma", DT)
    next(one), next(other)
    assert np.array_equal(one.send(100), whole[:100])
    assert np.array_equal(other.send(250), whole[:250])
    assert np.array_equal(one.send(300), whole[100:400])
    assert np.array_equal(other.send(250), whole[250:])


def test_steps_of_another_length_have_a_course_of_their_own():
    kept = KeptBackground(CURRENTS, {DT: LENGTH, 1.0: 50})
    (fine,), (coarse,) = (asked(kept.course("soma", dt), [50]) for dt in (DT, 1.0))
    (wanted,) = asked(CURRENTS.course("soma", 1.0), [50])
    assert np.array_equal(coarse, wanted)
    assert not np.array_equal(fine, coarse)
