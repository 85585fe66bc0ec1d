"""Options of algorithms whose errors lie in dendrites, and of their cells."""

from circuits import Uniform
from circuits.algorithms import (
    burst_ccn,
    burstprop,
    dendritic_predictive_coding,
    error_neurons,
    kording_konig,
)
from dendrites.models import (
    balanced_branch,
    balanced_cell,
    burst_cell,
    calcium_cell,
    column_cell,
    prediction_error_cell,
    rectified_cell,
    taught_burst_cell,
)
from dendrites.transfer import SOFTPLUS, TANH
from every_option.doors import Door, acts, refused
from every_option.layered_rows import LAYERS, RATES, built, of_model

DRAWN = acts(Uniform(-0.1, 0.1))


def of_columns(**options):
    model = column_cell(**options)
    return of_model(column_cell)(**options), model.inputs._fields


DOORS = [
    Door(
        burst_cell,
        of_model(burst_cell),
        {
            "phi": [acts(SOFTPLUS), refused("tanh")],
            "gain": [acts(2.0), refused(0.0)],
            "resting": [acts(0.2), refused(1.0)],
            "tonic": acts(1.0),
        },
    ),
    Door(
        taught_burst_cell,
        of_model(taught_burst_cell),
        {
            "phi": [acts(SOFTPLUS), refused("tanh")],
            "resting": [acts(0.5), refused(1.0)],
        },
    ),
    Door(
        burstprop,
        built(burstprop),
        LAYERS
        | RATES
        | {
            "weight_decay": acts(0.1),
            "feedback": [acts("fixed"), refused("random")],
            "feedback_initial": DRAWN,
            "recurrent": acts(False),
            "recurrent_rate": [acts(0.1), refused(0.1, recurrent=False)],
            "recurrent_initial": [DRAWN, refused(Uniform(), recurrent=False)],
            "resting": acts(0.5),
        },
    ),
    Door(
        burst_ccn,
        built(burst_ccn),
        LAYERS
        | RATES
        | {
            "feedback": [acts("transposed"), refused("learned")],
            "feedback_initial": [DRAWN, refused(Uniform(), feedback="transposed")],
            "cancellation": [acts("learned"), refused("tied")],
            "cancellation_rate": [
                acts(0.3, cancellation="learned"),
                refused(0.3),
            ],
            "cancellation_initial": [
                acts(Uniform(-0.1, 0.1), cancellation="learned"),
                refused(Uniform()),
            ],
            "resting": acts(0.2),
            "gain": acts(1.0),
            "dale": [acts(True), refused(True, cancellation="learned")],
            "sst_baseline": [acts(2.0, dale=True), refused(2.0)],
        },
    ),
    Door(
        kording_konig,
        built(kording_konig),
        LAYERS
        | RATES
        | {
            "threshold": [acts(0.2), refused(-1.0)],
            "event": [acts("all_or_none"), refused("none")],
            "feedback": [acts("transposed"), refused("learned")],
            "feedback_initial": [DRAWN, refused(Uniform(), feedback="transposed")],
        },
    ),
    Door(
        calcium_cell,
        of_model(calcium_cell),
        {
            "phi": [acts(TANH), refused("tanh")],
            "threshold": [acts(0.5), refused(-1.0)],
            "event": [acts("all_or_none"), refused("none")],
            "taught": acts(True),
        },
    ),
    Door(
        rectified_cell,
        of_model(rectified_cell),
        {"baseline": [acts(1.0), refused(-1.0)]},
    ),
    Door(
        error_neurons,
        built(error_neurons),
        LAYERS
        | RATES
        | {
            "precision": [acts(0.1), refused(0.0)],
            "feedback": [acts("random"), refused("learned")],
            "feedback_initial": [
                acts(Uniform(-0.1, 0.1), feedback="random"),
                refused(Uniform()),
            ],
            "sweeps": [acts(10), refused(0)],
            "step": [acts(0.1), refused(0.0)],
            "tolerance": [acts(1e-3), acts(None), refused(0.0)],
        },
    ),
    Door(
        column_cell,
        of_columns,
        {
            "phi": [acts(TANH), refused("tanh")],
            "precision": [acts(0.1), refused(0.0)],
            "taught": acts(True),
        },
    ),
    Door(
        prediction_error_cell,
        of_model(prediction_error_cell),
        {"precision": [acts(0.1), refused(0.0)]},
    ),
    Door(
        dendritic_predictive_coding,
        built(dendritic_predictive_coding),
        LAYERS
        | RATES
        | {
            "inhibitory_rate": acts(0.3),
            "apical_rate": acts(0.3),
            "inhibition": [acts("none"), refused("set")],
            "decay": [acts(1.0), refused(0.0)],
            "sweeps": [acts(10), refused(0)],
            "step": [acts(0.05), refused(0.0)],
            "tolerance": [acts(1e-3), acts(None), refused(0.0)],
            "seed": acts(3),
            "name": acts("another"),
        },
    ),
    Door(
        balanced_cell,
        of_model(balanced_cell),
        {"decay": [acts(1.0), refused(0.0)]},
    ),
    Door(balanced_branch, of_model(balanced_branch), {}),
]
