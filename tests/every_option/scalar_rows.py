"""Options of algorithms whose only feedback is a scalar, and of their cells."""

from circuits import Constant, Uniform
from circuits.algorithms import (
    attention_gated,
    hebbian,
    hedonistic_synapses,
    node_perturbation,
    population_reward,
    reinforce,
    weight_perturbation,
)
from dendrites.models import (
    attention_cell,
    averaging_cell,
    chance_cell,
    choosing_output,
    comparing_critic,
    judged_cell,
    majority_cell,
    release_site,
    reward_critic,
    rewarded_binary,
    rewarded_cell,
    rewarded_output,
    surprise_critic,
)
from dendrites.transfer import TANH
from every_option.doors import Door, acts, refused
from every_option.layered_rows import LAYERS, RATES, built, of_model

REWARD = {
    "baseline": acts(0.5),
    "averaging": [acts(0.1), refused(1.5)],
}
NAMED = {"name": acts("another"), "seed": acts(3)}


def of_population(sizes=(4, 3, 1), **options):
    return built(population_reward)(sizes, **options)


DOORS = [
    Door(
        weight_perturbation,
        built(weight_perturbation),
        LAYERS
        | RATES
        | {
            "sigma": [acts(0.1), refused(0.0)],
            "kind": [acts("sign"), refused("uniform")],
            "form": [acts("symmetric"), acts("accept"), refused("spsa")],
        },
    ),
    Door(
        node_perturbation,
        built(node_perturbation),
        LAYERS | RATES | {"sigma": [acts(0.1), refused(0.0)]},
    ),
    Door(
        rewarded_cell,
        of_model(rewarded_cell),
        {"phi": [acts(TANH), refused("tanh")], "sigma": [acts(0.5), refused(-1.0)]},
    ),
    Door(
        rewarded_output,
        of_model(rewarded_output),
        {
            "phi": [acts(TANH), acts("softmax"), refused("tanh")],
            "loss": [acts("cross_entropy"), refused("cross_entropy", phi=TANH)],
            "sigma": acts(0.5),
        },
    ),
    Door(
        comparing_critic,
        of_model(comparing_critic),
        {"scale": [acts(2.0), refused(0.0)]},
    ),
    Door(
        reinforce,
        built(reinforce),
        LAYERS | RATES | REWARD | {"outputs": [acts("binary"), refused("normal")]},
    ),
    Door(
        hedonistic_synapses,
        built(hedonistic_synapses),
        LAYERS
        | RATES
        | REWARD
        | NAMED
        | {
            "phi": [acts("tanh"), refused("sine")],
            "initial": acts(Uniform(0.0, 1.0)),
            "release_initial": acts(Constant(1.0)),
        },
    ),
    Door(
        population_reward,
        of_population,
        {"sizes": [acts((4, 5, 1)), refused((4, 4, 1)), refused((4, 3, 2))]}
        | RATES
        | NAMED
        | {
            "feedback": [acts("reward"), refused("both")],
            "bias": acts(False),
            "initial": acts(Uniform(-0.1, 0.1)),
        },
    ),
    Door(
        attention_gated,
        built(attention_gated),
        LAYERS
        | RATES
        | {
            "feedback": [acts("learned"), refused("random")],
            "feedback_initial": [
                acts(Uniform(-0.1, 0.1), feedback="learned"),
                refused(Uniform(-0.1, 0.1)),
            ],
            "weight_decay": acts(0.1),
        },
    ),
    Door(
        hebbian,
        built(hebbian),
        LAYERS
        | {
            "rule": [acts("hebb"), acts("covariance"), acts("bcm"), refused("stdp")],
            "learning_rate": acts(0.3),
            "averaging": [
                acts(0.1, rule="bcm"),
                refused(0.1),
                refused(0.0, rule="bcm"),
            ],
        },
    ),
    Door(
        averaging_cell,
        of_model(averaging_cell),
        {
            "phi": refused("tanh"),
            "averaging": [acts(0.1), refused(0.0)],
            "power": acts(2.0),
        },
    ),
    Door(
        attention_cell,
        of_model(attention_cell),
        {"phi": [acts(TANH), refused("tanh")]},
    ),
    Door(judged_cell, of_model(judged_cell), {"phi": refused("tanh")}),
    Door(reward_critic, of_model(reward_critic), REWARD | {"averaging": acts(0.1)}),
    *(
        Door(cell, of_model(cell), {})
        for cell in (
            chance_cell,
            choosing_output,
            majority_cell,
            release_site,
            rewarded_binary,
            surprise_critic,
        )
    ),
]
