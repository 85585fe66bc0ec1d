"""What schemes of bursting ensembles have in common."""

from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE
from circuits.ties import Tied

# Options of `circuits.layered` that these schemes set themselves.
OWN_PARTS = ("forward", "feedback", "phases", "hidden", "output", "extra", "teacher")


def teacher_is_there():
    """Tells every output cell whether a teacher is there."""
    return Projection("target", "output", "taught", "active", **ONE_TO_ONE)


def tied(of, factor=1.0):
    """Weights that follow `of`: the name of others, their sign, and which way."""
    name, sign, transpose = of
    return Tied(name, factor=sign * factor, transpose=transpose)
