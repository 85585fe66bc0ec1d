"""Stochastic binary cells in time, with a filter for spikes and one for errors.

    soma'   = (1 - tau) soma + tau basal,       spikes ~ Bernoulli(logistic(soma))
    apical' = (1 - tau) apical + tau apical input

in every step, however long it is. What cells send back is signed, tonic firing counting
as none: logistic(error) - 1/2.

Source: Lillicrap, Cownden, Tweed & Akerman, Nat. Commun. 7 (2016) 13276, Fig. 4, whose
formulas were reconstructed from its words.
"""

from typing import Annotated, NamedTuple

from dendrites._checks import choice, number
from dendrites.cell import POSITIVE, CellModel
from dendrites.transfer import logistic, logistic_derivative

ERRORS = ("rate", "spikes")


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class TaughtState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class TaughtInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "1", POSITIVE] = 0.9


def _step(cell, inputs, p, dt):
    return State(
        (1.0 - p.tau) * cell.soma + p.tau * inputs.basal,
        (1.0 - p.tau) * cell.apical + p.tau * inputs.apical,
        cell.spikes,
    )


def _taught_step(cell, inputs, p, dt):
    soma = (1.0 - p.tau) * cell.soma + p.tau * inputs.basal
    return TaughtState(soma, inputs.target, cell.spikes)


def _spike(cell, u, p, dt):
    return 1.0 if u < logistic(cell.soma) else 0.0


def _fired(cell, count, p, dt):
    return cell._replace(spikes=count)


def _rate(cell, p):
    return logistic(cell.soma)


def _apical(cell, p):
    return cell.apical


def _rate_error(cell, p):
    return cell.target - logistic(cell.soma)


def _spike_error(cell, p):
    return cell.target - cell.spikes


def _reads(error):
    def sent(cell, p):
        return logistic(error(cell, p)) - 0.5

    def delta(cell, p):
        return (logistic(error(cell, p)) - 0.5) * logistic_derivative(cell.soma)

    return {"rate": _rate, "error": error, "sent": sent, "delta": delta}


def _cell(name, error, tau, **parts):
    number(f"{name}: tau", tau, above=0.0, most=1.0)
    return CellModel(
        name,
        params=Params,
        spike=_spike,
        fired=_fired,
        reads=_reads(error),
        parameters={"tau": tau},
        source="Lillicrap et al. (2016)",
        **parts,
    )


def stochastic_error_cell(*, tau: float = 0.9) -> CellModel:
    """A hidden cell that fires by chance, and filters errors in its apical dendrite.

    Reads: ``rate`` = logistic(soma), the probability of a spike; ``error`` = apical;
    ``sent`` = logistic(error) - 1/2; ``delta`` = sent times the slope of the rate;
    ``spikes``, 1 or 0, of the last step.

    Parameters
    ----------
    tau : float
        Share of the potential that a step replaces, in (0, 1]; 0.9 is a fast filter, as
        published, and 0.1 a slow one.
    """
    parts = {"state": State, "inputs": Inputs, "step": _step}
    return _cell("stochastic_error_cell", _apical, tau, **parts)


def stochastic_taught_cell(*, tau: float = 0.9, error: str = "rate") -> CellModel:
    """An output cell that fires by chance and compares that with a target.

    Reads as `stochastic_error_cell`, with ``error`` = target - rate, or - spikes.

    Parameters
    ----------
    tau : float
    error : {"rate", "spikes"}
        What is compared with the target; the article does not tell.

    Raises
    ------
    ModelError
    """
    choice("stochastic_taught_cell: error", error, ERRORS)
    parts = {"state": TaughtState, "inputs": TaughtInputs, "step": _taught_step}
    of = _rate_error if error == "rate" else _spike_error
    return _cell("stochastic_taught_cell", of, tau, **parts)
