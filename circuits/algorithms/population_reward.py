"""Population reward: many cells vote, and are told more or less about the vote."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._rewards import ALWAYS, ONES, gate, sampled, scalar_rules
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Schedule
from circuits.stack import ONE_TO_ONE, ROOT_FAN_IN, bottom_up
from dendrites._checks import choice, flag, number, shown
from dendrites.errors import ModelError
from dendrites.models import majority_cell, rewarded_binary, source

FEEDBACK = ("reward", "decision")


def population_reward(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    feedback: str = "decision",
    bias: bool = True,
    initial=ROOT_FAN_IN,
    name: str = "population_reward",
    seed: int = 0,
) -> Circuit:
    """N binary cells see one input and decide by majority between two choices.

        s_i ~ Bernoulli(p_i),  A = sum_i (2 s_i - 1) / sqrt(N),  D = sign(A)
        R = 1 if D is right, else -1
        "reward"    dw_i = eta mean(R (s_i - p_i) x)
        "decision"  dw_i = eta mean(a (d - p_i) x),  d = 1 if R D > 0, else 0

    With the reward alone a cell cannot know whether it has helped, less so the more
    cells there are. Told the decision, too, it learns toward what would have been
    right, d, with a = exp(-A^2) where the population was right and 1 where not.

    Parameters
    ----------
    sizes : (int, int, int)
        Inputs, cells of the population (an odd number, so that there is a majority), 1.
    learning_rate : float
        Per presentation.
    momentum : float
        Of updates, in [0, 1).
    feedback : {"reward", "decision"}
        What cells are told: R, or R, D and A.
    bias : bool
        Whether cells have biases, which start at 0.
    initial : initialiser
        Of the weights.
    name : str
    seed : int

    Returns
    -------
    Circuit
        Populations "input", "hidden1" and "output", which decides; the target is 1 or
        0. A cell gets a scalar, or two. One presentation has one pass. With the reward
        alone the mean update is the gradient of the expected reward, exactly.

    Raises
    ------
    ModelError
        For sizes that are no population with two choices.

    Source: Urbanczik & Senn, Nat. Neurosci. 12 (2009) 250, in the smallest form.
    Differs: cells are binary, in no time; the original attenuation was not read.
    """
    sizes = checked_sizes(sizes, "population_reward")
    choice("population_reward: feedback", feedback, FEEDBACK)
    flag("population_reward: bias", bias)
    number("population_reward: learning_rate", learning_rate, least=0.0)
    names = layer_names(sizes)
    if len(names) != 3 or sizes[2] != 1 or sizes[1] % 2 == 0:
        raise ModelError(
            f"population_reward: sizes = {shown(sizes)}: must be inputs, an odd number "
            "of cells, and 1 output that decides by their majority, such as (20, 51, 1)"
        )
    teaching = "corrected" if feedback == "decision" else "credit"
    (rule,) = scalar_rules([learning_rate], teaching, momentum=momentum)
    below, cells, decision = names
    always = ALWAYS if bias else ALWAYS[:1]
    populations = [
        Population(below, source(), sizes[0], pattern="inputs"),
        Population(cells, rewarded_binary(), sizes[1]),
        Population(decision, majority_cell(), 1),
        Population("target", source(), 1, pattern="targets"),
    ]
    vote = Constant(sizes[1] ** -0.5)
    projections = [
        Projection(below, cells, "basal", rule=rule, initial=initial),
        Projection(cells, decision, "votes", "vote", initial=vote),
        Projection("target", decision, "target", **ONE_TO_ONE),
        Projection(decision, cells, "reward", "reward", **ONES),
    ]
    if bias:
        populations.append(Population("bias", source(), 1, pattern=1.0))
        projections.append(Projection("bias", cells, "basal", rule=rule))
    if feedback == "decision":
        told = Projection(decision, cells, "activity", "activity", **ONES)
        projections.append(told)
    for part in gate((cells,)):
        (populations if isinstance(part, Population) else projections).append(part)
    silent = [bottom_up(source, cells) for source in always]
    steps = sampled((cells, decision), silent, chosen=(cells,), also=())
    test = Phase("expected", advance=(cells, decision))
    return Circuit(
        tuple(populations),
        tuple(projections),
        Schedule(steps, always_on=always),
        Schedule((test,), always_on=always),
        readout="choice",
        name=name,
        seed=seed,
    )
