"""Named single-cell rules, built from reads."""

from dendrites.activity_difference import ActivityDifference, LowPass


def dendritic_prediction(
    learning_rate: float, *, low_pass: LowPass | None = None
) -> ActivityDifference:
    """The soma teaches the dendrite that predicts it.

    dw = learning_rate * (rate - predicted_rate) * presynaptic rate, for any cell with
    the reads ``rate`` and ``predicted_rate`` (the rate at the potential to which the
    dendrite alone would bring the soma).

    Source: Sacramento et al. (2018), eqs. 7 and 8; rate form of Urbanczik and Senn
    (2014).
    """
    return ActivityDifference(
        teaching="rate",
        baseline="predicted_rate",
        learning_rate=learning_rate,
        low_pass=low_pass,
    )


def apical_silencing(
    learning_rate: float, *, low_pass: LowPass | None = None
) -> ActivityDifference:
    """Inhibition learns to hold the apical potential at rest (0).

    dw = learning_rate * (0 - apical potential) * presynaptic rate. The potential
    itself, not a rate of it.

    Source: Sacramento et al. (2018), eq. 9.
    """
    return ActivityDifference(
        teaching=None,
        baseline="apical",
        learning_rate=learning_rate,
        low_pass=low_pass,
    )
