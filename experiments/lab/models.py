"""The lab's models: published cells and rules with their injection scales."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from numpy import iterable

from dendrites import ActivityDifference, rules, transfer
from dendrites.btsp import SINGLE_SPIKE
from dendrites.errors import ConfigError, choices
from dendrites.models import (
    adex_dendrite,
    guerguiev_hidden,
    naud_sprekeler,
    plateau_cell,
    presynaptic,
    spike_source,
    three_compartment,
    urbanczik_senn,
)
from dendrites.models.guerguiev import hidden_coupling
from experiments.lab.model import HALVES, LabModel

PLATEAU = -20.0  # mV, apical potential that counts as a plateau
LASTING_PLATEAU = 1e6  # ms
FIXED_PROBABILITY = 0.3  # bursts expected per event, Pbar
# pA per spike: what the published example sets, read as pA (see the model page).
NEST_ADAPTATION = 0.0805


def burst() -> LabModel:
    """Burst-dependent rule on the Naud-Sprekeler cell, with constant Pbar.

    Source: Payeur et al. (2021); Naud and Sprekeler (2018).
    """
    return LabModel(
        "burst",
        naud_sprekeler(fixed_probability=FIXED_PROBABILITY),
        rules.burst_dependent(1.0),
        presynaptic(tau_event=50.0),
        plateau=PLATEAU,
        source="Payeur et al. (2021), Nat. Neurosci. 24, 1010",
    )


def clopath_basal() -> LabModel:
    """Voltage rule at a synapse near the soma of the AdEx cell, at its potential.

    Source: Clopath et al. (2010).
    """
    return _clopath("clopath-basal", "soma")


def clopath_apical() -> LabModel:
    """Voltage rule at a synapse on the dendrite, at the local potential.

    Source: Clopath et al. (2010); local potential: Bono and Clopath (2017).
    """
    return _clopath("clopath-apical", "apical")


def _clopath(name, compartment):
    cell = adex_dendrite(b=NEST_ADAPTATION)
    return LabModel(
        name,
        cell,
        rules.clopath(compartment=compartment),
        presynaptic(tau_trace=15.0),
        delays=rules.clopath_delays(cell, compartment=compartment),
        plateau=PLATEAU,
        source="Clopath et al. (2010), Nat. Neurosci. 13, 344",
    )


def stdp_pair() -> LabModel:
    """Pairs of spikes on the Naud-Sprekeler cell: apical input acts through spikes.

    Amplitudes and time constants are usual ones, of no single source.
    """
    return LabModel(
        "stdp-pair",
        naud_sprekeler(tau_trace=20.0),
        rules.stdp_pair(a_plus=0.01, a_minus=0.0105),
        presynaptic(tau_trace=20.0),
        plateau=PLATEAU,
        source="exponential windows, all to all",
    )


def stdp_triplet() -> LabModel:
    """Triplets of spikes on the Naud-Sprekeler cell.

    Source: Pfister and Gerstner (2006); amplitudes and time constants recalled.
    """
    return LabModel(
        "stdp-triplet",
        naud_sprekeler(tau_trace=33.7, tau_slow=125.0),
        rules.stdp_triplet(a2_plus=0.0, a2_minus=0.007, a3_plus=0.0062),
        presynaptic(tau_trace=16.8, tau_slow=101.0),
        plateau=PLATEAU,
        source="Pfister & Gerstner (2006), J. Neurosci. 26, 9673",
    )


def gating() -> LabModel:
    """Recent spikes potentiate during a plateau, else depress; Naud-Sprekeler cell.

    Source: the idea of Kording and Konig (2001); the form is ours.
    """
    return LabModel(
        "gating",
        naud_sprekeler(tau_trace=20.0),
        rules.apical_gating(0.01, ltd=0.5, plateau=PLATEAU, firing="trace"),
        presynaptic(tau_trace=50.0),
        plateau=PLATEAU,
        source="idea: Kording & Konig (2001), J. Comput. Neurosci. 11, 207",
    )


def btsp_weak() -> LabModel:
    """Plateaus gate, the weight sets the sign: a synapse that starts weak.

    Source: Milstein et al. (2021), the set of their single-spike illustration.
    """
    return _btsp("btsp-weak", 1.0)


def btsp_strong() -> LabModel:
    """Plateaus gate, the weight sets the sign: a synapse near its largest weight, 5.

    Source: Milstein et al. (2021), the set of their single-spike illustration.
    """
    return _btsp("btsp-strong", 4.8)


def _btsp(name, weight):
    """Traces scaled to at most 1: for five spikes, and for a lasting plateau."""
    times = SINGLE_SPIKE
    return LabModel(
        name,
        plateau_cell(
            tau_instructive=times.tau_instructive, reference_plateau=LASTING_PLATEAU
        ),
        rules.btsp(times, largest=5.0),
        presynaptic(tau_trace=times.tau_eligibility),
        weight=weight,
        bounds=(0.0, times.weight_max),
        dt=1.0,
        plateau=plateau_cell().parameters.plateau_threshold,
        source="Milstein et al. (2021), eLife 10:e73046",
    )


def urbanczik_senn_rule() -> LabModel:
    """Dendritic prediction of somatic spikes; the apical current nudges the soma.

    The cell has no apical dendrite. Its soma has 630 nS where that of the burst cell
    has 23 nS, so currents are scaled up.

    Source: Urbanczik and Senn (2014).
    """
    return LabModel(
        "urbanczik-senn",
        urbanczik_senn(),
        rules.spike_prediction(100.0),
        spike_source(),
        soma="i_soma",
        soma_scale=27.0,
        apical="i_soma",
        apical_scale=27.0,
        synapse="dendrite",
        weight=2000.0,
        source="Urbanczik & Senn (2014), Neuron 81, 521",
    )


def _phi(v):
    return transfer.logistic((v - 5.0) / 2.0)


def _predicted_rate(cell, p):
    share = p.basal_coupling / (1.0 + p.basal_coupling + p.apical_coupling)
    return _phi(share * cell.basal)


def sacramento() -> LabModel:
    """Rate cell of three compartments that predicts its rate from its basal dendrite.

    1 mV of its potentials stands for 20 pA of apical and 40 pA of somatic current.

    Source: Sacramento et al. (2018), eq. 7; our cell with dynamic dendrites.
    """
    cell = three_compartment(phi=_phi)
    return LabModel(
        "sacramento",
        replace(cell, reads={**cell.reads, "predicted_rate": _predicted_rate}),
        ActivityDifference("rate", "predicted_rate", 0.01, presynaptic="trace"),
        presynaptic(tau_trace=20.0),
        soma_scale=1 / 40,
        apical_scale=1 / 20,
        synapse="basal",
        signal="trace",
        weight=8.0,
        source="Sacramento et al. (2018), NeurIPS 31",
    )


def guerguiev() -> LabModel:
    """Difference of the plateau potentials of two halves of an epoch.

    1 of its apical potential stands for 150 pA; the usual apical current is on in the
    second half. The somatic current acts on the basal potential.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 32-35.
    """
    cell = guerguiev_hidden()
    forward, target = HALVES
    return LabModel(
        "guerguiev",
        cell,
        rules.plateau_difference(
            0.21 * 20.0 * hidden_coupling(cell.parameters),
            forward=forward,
            target=target,
        ),
        spike_source(newest="kernel"),
        soma="bias",
        soma_scale=1 / 1000,
        apical_scale=1 / 150,
        synapse="basal",
        weight=1.0,
        dt=1.0,
        halves=True,
        source="Guerguiev, Lillicrap & Richards (2017), eLife 6:e22901",
    )


BUILDERS: dict[str, Callable[[], LabModel]] = {
    "burst": burst,
    "clopath-basal": clopath_basal,
    "clopath-apical": clopath_apical,
    "stdp-pair": stdp_pair,
    "stdp-triplet": stdp_triplet,
    "gating": gating,
    "urbanczik-senn": urbanczik_senn_rule,
    "sacramento": sacramento,
    "guerguiev": guerguiev,
    "btsp-weak": btsp_weak,
    "btsp-strong": btsp_strong,
}


def lab_models(names: str | Sequence[str] | None = None) -> dict[str, LabModel]:
    """Models of the lab by name, one or several; all of them by default.

    Raises
    ------
    ConfigError
        For a name that is none.
    """
    if names is None:
        names = BUILDERS
    names = [names] if isinstance(names, str) or not iterable(names) else list(names)
    for name in names:
        if not isinstance(name, str) or name not in BUILDERS:
            raise ConfigError(f"lab: no model {name!r}. {choices(name, BUILDERS)}")
    return {name: BUILDERS[name]() for name in names}
