"""The circuit of the external-timing experiment: one local and one external input."""

from typing import NamedTuple

import numpy as np

from dendrites.errors import ConfigError

REST = 100.0  # ms before the local input begins
TAIL = 150.0  # ms after the spike of the control
# Local input that ramps up to the spike, and a pulse that sets its time.
RAMP = 100.0  # ms
RAMP_END = 700.0  # pA
AFTER_SPIKE = 2.0  # ms, from the control's spike to the end of the ramp
CLAMP_CURRENT, CLAMP_DURATION = 8000.0, 1.5  # pA, ms
SOMATIC = ("free", "clamped")
DENDRITES = ("intact", "blocked")
# Constants of the rules. Model A has windows of equal height.
A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 1.0, 1.0, 17.0, 34.0
EXPECTED_BURSTS, TAU_EVENT = 0.3, 50.0
RULES = ("A", "A_every_spike", "B")


class Found(NamedTuple):
    """Weight changes and spikes of the cells of one run.

    Parameters
    ----------
    dW : ndarray (rule, n_cells, n_pre)
    first_spike : ndarray (n_cells,), ms; NaN of a silent cell
    n_spikes, n_events, n_bursts : ndarray of int (n_cells,)
    times, units : ndarray (n_spikes,)
        All spikes, ms, and their cells.
    """

    dW: np.ndarray
    first_spike: np.ndarray
    n_spikes: np.ndarray
    n_events: np.ndarray
    n_bursts: np.ndarray
    times: np.ndarray
    units: np.ndarray


def burst_cell(dendrite: str, noise: float = 0.0, changes=None):
    """The postsynaptic cell; blocked: without the dendrite's regenerative current.

    `changes` are parameters of it by name.
    """
    from dendrites.models.naud_sprekeler import naud_sprekeler

    options = dict(changes or {})
    if noise:
        options |= {"noise_soma": noise, "noise_apical": noise}
    if dendrite == "blocked":
        options["g_apical"] = 0.0
    return naud_sprekeler(
        noise=noise > 0,
        tau_trace=TAU_MINUS,
        # Of the postsynaptic cell only model A reads the trace of events.
        tau_event=TAU_MINUS,
        fixed_probability=EXPECTED_BURSTS,
        **options,
    )


def plasticity() -> dict:
    """The rule of each model, by name.

    A: pairs of a presynaptic spike and the first spike of a postsynaptic event.
    A_every_spike: the same with all postsynaptic spikes. B: bursts beyond those
    expected.
    """
    from dendrites.rules.burst import burst_dependent
    from dendrites.rules.stdp import stdp_pair

    pair = {"a_plus": A_PLUS, "a_minus": A_MINUS}
    rules = (
        stdp_pair(**pair, postsynaptic="events"),
        stdp_pair(**pair),
        burst_dependent(1.0),
    )
    return dict(zip(RULES, rules, strict=True))


def local_current(
    somatic: str, control: float, n_steps: int, dt: float, lead: float = 0.0
) -> np.ndarray:
    """Current of the local input into the soma, pA, (n_steps,).

    Free: a ramp that ends shortly after `control`, the time of the spike without
    external input, ms. Clamped: a strong pulse, `lead` ms before it, that makes the
    cell fire then.
    """
    from dendrites.drives import pulse, ramp, sample, step

    if somatic == "clamped":
        drive = pulse(CLAMP_CURRENT, start=control - lead, duration=CLAMP_DURATION)
    else:
        length = min(control + AFTER_SPIKE - REST, RAMP)
        end = RAMP_END * length / RAMP
        drive = ramp(0.0, end, start=REST, duration=length)
        drive = drive + step(-end, start=REST + length)
    return sample(drive, n_steps, dt)


def lead_of_clamp(p, dt: float) -> float:
    """Time from the onset of the strong pulse to the spike of a resting cell, ms.

    The membrane, of the parameters `p`, charges from rest to threshold at constant
    current; the spike is at the end of the step in which it gets there.

    Raises
    ------
    ConfigError
        If the pulse ends before that.
    """
    reach = CLAMP_CURRENT * p.tau_soma / p.c_soma
    rise = p.threshold - p.e_leak
    lead = -p.tau_soma * np.log(1.0 - rise / reach) if rise < reach else np.inf
    if not 0.0 < lead < CLAMP_DURATION:
        raise ConfigError(
            f"external-timing: cell: a pulse of {CLAMP_CURRENT:g} pA and "
            f"{CLAMP_DURATION:g} ms does not take its soma from e_leak = {p.e_leak:g} "
            f"mV to threshold = {p.threshold:g} mV; bring them closer, or take a "
            "smaller c_soma"
        )
    return float(np.ceil(lead / dt) * dt)


def control_spike(dendrite: str, dt: float, changes=None) -> float:
    """Time of the first spike on the ramp without external input and noise, ms.

    Raises
    ------
    ConfigError
        If a cell with these `changes` does not fire.
    """
    import circuits

    n_steps = round((REST + RAMP) / dt)
    cell = burst_cell(dendrite, changes=changes)
    circuit = timing_circuit(cell, [0.0], [0.0], 1, n_steps, dt)
    found = circuits.simulate(
        circuit,
        {},
        [circuits.Record("cell", (), spikes=True)],
        waveforms={
            "local": local_current("free", np.inf, n_steps, dt)[:, np.newaxis],
            "external": np.zeros((n_steps, 1)),
        },
        forced_spikes={"pre": ([], [])},
    )
    times = found["spikes/cell"].spike_time.values
    if not len(times):
        raise ConfigError(
            f"external-timing: cell: it does not fire on a ramp to {RAMP_END:g} pA, so "
            "that there is no spike to be moved; make it more excitable"
        )
    return float(times[0])


def timing_circuit(cell, amplitudes, delays, n_pre, n_steps, dt, noise=None):
    """Cells with a local current, external pulses and synapses of every rule.

    Parameters
    ----------
    cell : CellModel
    amplitudes, delays : sequence (n_cells,)
        Size of the external pulse, pA, and its time; one external source per time.
    n_pre : int
        Presynaptic cells; each has a synapse of every rule on every cell.
    """
    from circuits import (
        Circuit,
        Constant,
        Phase,
        Population,
        Projection,
        Schedule,
    )
    from dendrites.models import source
    from dendrites.models.presynaptic import presynaptic

    n = len(amplitudes)
    times, which = np.unique(delays, return_inverse=True)
    from_source = which[:, np.newaxis] == np.arange(len(times))
    pre = presynaptic(tau_trace=TAU_PLUS, tau_event=TAU_EVENT)
    plastic = [
        Projection("pre", "cell", "synapse", signal="spikes", rule=rule, name=name)
        for name, rule in plasticity().items()
    ]
    return Circuit(
        (
            Population("local", source(), 1),
            Population("external", source(), len(times)),
            Population("pre", pre, n_pre),
            Population("cell", cell, n, noise=noise),
        ),
        (
            Projection("local", "cell", "soma", initial=Constant(1.0), delay=0.0),
            Projection(
                "external",
                "cell",
                "apical",
                initial=from_source * np.asarray(amplitudes, float)[:, np.newaxis],
                connectivity=from_source,
                delay=0.0,
            ),
            *plastic,
        ),
        Schedule((Phase("all", n_steps * dt, on=("local", "external", "pre")),)),
        output="cell",
        readout="soma",
        dt=dt,
        name="external_timing",
    )


def paired(
    somatic: str,
    dendrite: str,
    amplitudes,
    delays,
    pairing,
    *,
    duration: float,
    control: float,
    dt: float,
    noise: float = 0.0,
    streams=None,
    seed: int = 0,
    changes=None,
) -> Found:
    """One pairing of every cell with every presynaptic spike time.

    Parameters
    ----------
    somatic, dendrite : str
        One of SOMATIC and one of DENDRITES.
    amplitudes, delays : ndarray (n_cells,)
        Of the external pulse: pA, and ms from the control's spike to its onset.
    pairing : ndarray (n_pre,)
        ms from the presynaptic spike to the control's spike.
    duration : float
        Of the external pulse, ms.
    control : float
        Time of the control's spike, ms.
    noise : float
        Standard deviation of the currents into soma and dendrite, pA.
    streams : sequence of int (n_cells,), optional
        Cells with equal ones have equal noise.
    changes : dict, optional
        Parameters of the cell by name.
    """
    import circuits
    from dendrites.drives import pulse, sample
    from experiments.pairing import trains, weight_change

    n_steps = round((control + TAIL) / dt)
    cell = burst_cell(dendrite, noise, changes)
    circuit = timing_circuit(
        cell, amplitudes, delays, len(pairing), n_steps, dt, streams
    )
    lead = lead_of_clamp(cell.parameters, dt)
    local = local_current(somatic, control, n_steps, dt, lead)
    external = [
        sample(pulse(1.0, start=control + delay, duration=duration), n_steps, dt)
        for delay in np.unique(delays)
    ]
    tree = circuits.simulate(
        circuit,
        {},
        [circuits.Record("cell", (), spikes=True)],
        learning=True,
        waveforms={"local": local[:, np.newaxis], "external": np.transpose(external)},
        forced_spikes={"pre": trains(control - np.asarray(pairing))},
        seed=seed,
    )
    changes = [weight_change(tree, name) for name in RULES]
    return Found(np.stack(changes), *_spikes(tree["spikes/cell"], len(delays), dt))


def _spikes(group, n_cells, dt):
    from dendrites.bursts import events_and_bursts

    time, unit = group.spike_time.values, group.spike_unit.values
    found = events_and_bursts(time, unit, dt=dt)
    first = np.full(n_cells, np.nan)
    # In descending order the first spike of a cell is written last.
    first[unit[::-1]] = time[::-1]
    counts = (unit, found.event_unit, found.burst_unit)
    return first, *(np.bincount(u, minlength=n_cells) for u in counts), time, unit
