"""Options of experiments that act under a condition: refused where it does not hold."""

import pytest

from dendrites.errors import ConfigError
from experiments.options import experiment_options
from experiments.registry import EXPERIMENTS

# Experiment, options that leave the last of them without effect, what it needs.
WITHOUT_EFFECT = [
    ("digits", {"integrator": "exact", "block": 8}, "integrator = blocked"),
    *(
        ("mnist-microcircuit", {name: value}, "an integrator of continuous time")
        for name, value in (("presentation", 50.0), ("learning_lag", 0.0), ("dt", 0.1))
    ),
    ("mnist-microcircuit", {"block": 50}, "integrator = blocked"),
    ("mnist-microcircuit", {"integrator": "exact", "block": 5}, "integrator = blocked"),
    ("mnist-microcircuit", {"interneuron_rate": 0.3}, "interneurons = plastic"),
    ("mnist-microcircuit", {"apical_rate": 0.02}, "feedback = learned"),
    ("mnist-microcircuit", {"top_down_rate": 0.02}, "feedback = learned"),
    ("mnist-microcircuit", {"hidden": (9,), "frozen": "middle"}, "two hidden layers"),
    *(
        ("yin-yang", {name: value}, "form = continuous")
        for name, value in (
            ("presentation", 30.0),
            ("learning_lag", 20.0),
            ("dt", 0.1),
            ("block", 10),
        )
    ),
    ("yin-yang", {"interneuron_rate": 0.15}, "interneurons = plastic"),
    ("self-prediction", {"sigma": 0.1}, "noise of a kind"),
    ("new-association", {"sigma": 0.2}, "noise of a kind"),
    ("plasticity-sign", {"noise": 0.0, "noise_tau": 2.0}, "noise > 0"),
    ("apical-timing", {"noise": 0.0, "noise_tau": 3.0}, "noise > 0"),
    ("burst-multiplexing", {"noise": 0.0, "noise_tau": 2.0}, "noise > 0"),
    ("depth", {"depths": (1,), "hidden_feedback": 8.0}, "two hidden layers"),
    ("depth", {"settings": ("equal_rates",), "hidden_step": 0.01}, "matched"),
    ("segregated-dendrites", {"hidden": (0,), "watched": 500}, "a hidden layer"),
]


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("name", "options", "needs"),
    WITHOUT_EFFECT,
    ids=[f"{name}-{[*options][-1]}" for name, options, _ in WITHOUT_EFFECT],
)
def test_an_option_without_effect_is_refused_with_what_it_needs(name, options, needs):
    option = [*options][-1]
    with pytest.raises(ConfigError, match=f"^{option} = .*without .*{needs}"):
        EXPERIMENTS[name].load()(**options)


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("name", "flag", "text"),
    [
        ("digits", "block", "[default: 5]"),
        ("mnist-microcircuit", "presentation", "(ms) [default: 100.0]"),
        ("yin-yang", "interneuron_rate", "(1/presentation) [default: 0.15]"),
        ("apical-timing", "noise_tau", "(ms) [default: 2.0]"),
        ("self-prediction", "sigma", "[default: 0.1]"),
    ],
)
def test_the_help_states_what_is_usual_where_the_option_acts(name, flag, text):
    from experiments.command.run import _parameter

    option = experiment_options(EXPERIMENTS[name].load())[flag]
    assert _parameter(option).annotation.__metadata__[0].help.endswith(text)
