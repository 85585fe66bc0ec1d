"""Schemes whose feedback weights are fixed or learn by themselves, as circuits.

A scheme is ``(sizes, learning_rate=, seed=, **options) -> Circuit`` whose hidden layers
get their error through the projection "<above>_to_<layer>_apical".
"""

from typing import NamedTuple


class Scheme(NamedTuple):
    """An algorithm of `circuits.algorithms` with its options.

    Parameters
    ----------
    algorithm : str
    options : dict
    decays : bool
        Whether `decay` of the question is its decay of weights.
    factor : float
        On the learning rate of the question.
    """

    algorithm: str
    options: dict = {}
    decays: bool = False
    factor: float = 1.0

    def circuit(self, sizes, *, learning_rate: float, decay: float, **options):
        """The circuit of these layer sizes."""
        from circuits import algorithms

        make = getattr(algorithms, self.algorithm)
        given = {"phi": "tanh", "output_phi": "logistic", **self.options, **options}
        given["learning_rate"] = self.factor * learning_rate
        if self.decays:
            given["weight_decay"] = decay
        return make(sizes, **given)


SCHEMES = {
    "feedback_alignment": Scheme("feedback_alignment", {"transmitted": "gated"}),
    "kolen_pollack": Scheme("kolen_pollack", decays=True),
    "amit": Scheme("kolen_pollack", {"weight_decay": 0.0}),
    "weight_mirror": Scheme("weight_mirror"),
    # Its errors are changes of burst rates, which are small.
    "burstprop": Scheme("burstprop", {"phi": "logistic"}, decays=True, factor=40.0),
    "difference_target_propagation": Scheme("difference_target_propagation"),
}
