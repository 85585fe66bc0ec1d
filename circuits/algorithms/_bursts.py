"""What schemes of bursting ensembles have in common."""

from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE

# Options of `circuits.layered` that these schemes set themselves.
OWN_PARTS = ("forward", "feedback", "phases", "hidden", "output", "extra", "teacher")


def teacher_is_there():
    """Tells every output cell whether a teacher is there."""
    return Projection("target", "output", "taught", "active", **ONE_TO_ONE)
