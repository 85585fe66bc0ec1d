"""The signed-errors experiment: how large errors are in deep networks."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from experiments.parameters import Argument, Repeats, Seed
from experiments.record import Answer, question

CITATION = (
    "Poole et al. (2016), NeurIPS 29; Schoenholz, Gilmer, Ganguli & Sohl-Dickstein "
    "(2017), ICLR, arXiv:1611.01232"
)
SCHEMES = (
    "backprop",
    "feedback_alignment",
    "direct_feedback_alignment",
    "sign_symmetry",
    "error_network",
)
#: Those whose errors keep their size from layer to layer in the theory.
CHAINED = ("backprop", "feedback_alignment")


@question(title="Sizes of errors in deep random networks", citation=CITATION)
def signed_errors(
    *,
    gains: Annotated[
        tuple[Annotated[float, Gt(0), Le(10)], ...],
        Argument("standard deviation of weights times the root of the fan-in"),
    ] = (0.7, 1.0, 1.5, 2.5, 4.0),
    hidden: Annotated[int, Argument("hidden layers"), Ge(2), Le(100)] = 15,
    cells: Annotated[int, Argument("per layer"), Ge(2), Le(5000)] = 100,
    phi: Annotated[
        Literal["tanh", "identity", "relu"], Argument("transfer function")
    ] = "tanh",
    output_error: Annotated[
        float, Argument("root mean square error of the outputs"), Gt(0)
    ] = 0.5,
    baseline: Annotated[
        float, Argument("rate that stands for no error in the error network"), Gt(0)
    ] = 1.0,
    examples: Annotated[int, Argument("inputs per network"), Ge(1), Le(10_000)] = 50,
    networks: Annotated[Repeats, Argument("draws of weights and inputs")] = 3,
    seed: Annotated[
        Seed, Argument("of the first network; the others have the next ones")
    ] = 0,
):
    """How large are errors in every layer of a deep network: do they vanish or explode?

    Random networks of equal layers see random inputs; outputs are linear and off their
    targets by errors of a given size. Every scheme brings these back through weights of
    the gain of the forward ones. In the error network they are rates around a baseline
    (feedback is W^T), which cannot fall below zero.

    Returns
    -------
    xarray.DataTree
        ``/errors``: ``size`` (replica, scheme, gain, layer), root mean square of the
        apical errors of a layer over that of the outputs; ``expected`` (gain, layer),
        the same of very wide layers for backprop and feedback alignment; ``positive``
        (replica, scheme, gain, layer), the share of errors above 0; ``lost`` (replica,
        gain, layer), the share of cells of the error network that are silent;
        ``potential`` (replica, gain, layer), root mean square of somatic potentials.

    Source: the theory is that of Poole et al. (2016) and Schoenholz et al. (2017).
    """
    from dendrites.dataset import group
    from dendrites.transfer import TRANSFERS
    from experiments.learning.error_sizes import error_sizes

    gains = np.array(sorted(set(gains)), float)
    expected = [error_sizes(TRANSFERS[phi], g, 1.0, hidden) for g in gains]
    shape = (networks, len(SCHEMES), len(gains), hidden)
    size, positive = np.empty(shape), np.empty(shape)
    potential, lost = (np.empty((networks, *shape[2:])) for _ in range(2))
    for replica in range(networks):
        for k, scheme in enumerate(SCHEMES):
            for n, gain in enumerate(gains):
                found = errors_of(
                    scheme,
                    gain,
                    hidden=hidden,
                    cells=cells,
                    phi=phi,
                    output_error=output_error,
                    baseline=baseline,
                    examples=examples,
                    seed=seed + replica,
                )
                size[replica, k, n] = found["size"]
                positive[replica, k, n] = found["positive"]
                potential[replica, n] = found["potential"]
                if scheme == "error_network":
                    lost[replica, n] = found["lost"]
    dims = ("replica", "scheme", "gain", "layer")
    fewer = ("replica", "gain", "layer")
    errors = group(
        {
            "size": (dims, size, "1", "root mean square, of that of the outputs"),
            "expected": (dims[2:], np.array(expected), "1", "of very wide layers"),
            "positive": (dims, positive, "1", "share of errors above 0"),
            "lost": (fewer, lost, "1", "share of silent cells of the error network"),
            "potential": (fewer, potential, "1", "root mean square of somata"),
        },
        {
            "replica": seed + np.arange(networks),
            "scheme": [*SCHEMES],
            "gain": gains,
            "layer": [f"hidden{k}" for k in range(1, hidden + 1)],
        },
    )
    return Answer({"/errors": errors}, dt=1.0, n_epochs=1, headline=_headline(errors))


def errors_of(
    scheme, gain, *, hidden, cells, phi, output_error, baseline, examples, seed
) -> dict:
    """Errors of one network, by measure and layer, the lowest first."""
    import circuits
    from dendrites.random import generator

    circuit = circuit_of(scheme, gain, hidden, cells, phi, baseline, seed)
    inputs, error = (
        generator(seed, f"signed_errors/{x}").normal(size=(examples, cells))
        for x in ("input", "error")
    )
    layers = [f"hidden{k}" for k in range(1, hidden + 1)]
    with circuits.Presenter(circuit, batch=examples) as presenter:
        targets = answers(circuit, presenter.weights(), inputs) + output_error * error
        presenter.present({"input": inputs, "target": targets}, learning=False)
        apical = [presenter.read(name, "error") for name in layers]
        soma = [presenter.read(name, "soma") for name in layers]
        found = {
            "size": [np.sqrt(np.mean(e**2)) / output_error for e in apical],
            "positive": [np.mean(e > 0) for e in apical],
            "potential": [np.sqrt(np.mean(u**2)) for u in soma],
        }
        if scheme == "error_network":
            rates = [presenter.read(f"error{k}", "rate") for k in range(1, hidden + 1)]
            found["lost"] = [np.mean(rate == 0.0) for rate in rates]
    return found


def answers(circuit, weights, inputs) -> np.ndarray:
    """Outputs (n_examples, n_outputs) of the network, which are linear."""
    from circuits.gradient import feedforward

    return feedforward(circuit, weights, inputs)[-1]


def circuit_of(scheme, gain, hidden, cells, phi, baseline, seed):
    """A network of equal layers without biases, feedback of the forward gain."""
    from circuits import Normal, algorithms

    drawn = Normal(0.0, gain, per_root_fan_in=True)
    own = {
        "backprop": {},
        "feedback_alignment": {"feedback_initial": drawn, "transmitted": "gated"},
        "direct_feedback_alignment": {"feedback_initial": drawn},
        "sign_symmetry": {"scale": gain},
        "error_network": {"feedback": "transposed", "baseline": baseline},
    }
    return getattr(algorithms, scheme)(
        [cells] * (hidden + 2),
        phi=phi,
        output_phi="identity",
        bias=False,
        initial=drawn,
        seed=seed,
        **own[scheme],
    )


def _headline(errors):
    """Mean factor per layer at the smallest and the largest gain, and the theory's."""

    def factor(size):
        steps = errors.sizes["layer"] - 1
        return (size.isel(layer=0) / size.isel(layer=-1)) ** (1.0 / steps)

    wide = factor(errors.expected)
    figures = {}
    for scheme in SCHEMES:
        here = factor(errors.size.sel(scheme=scheme)).mean("replica")
        known = scheme in CHAINED
        for end, k in (("smallest", 0), ("largest", -1)):
            figures[f"factor_{scheme}_{end}_gain"] = {
                "value": float(here[k]),
                "unit": "1",
                "reference": f"{float(wide[k]):.3f}" if known else "",
                "source": "very wide layers" if known else "",
            }
    figures["lost_largest_gain"] = {
        "value": float(errors.lost.isel(gain=-1, layer=0).mean()),
        "unit": "1",
        "source": "silent cells of the lowest layer of the error network",
    }
    return figures
