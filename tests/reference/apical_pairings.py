"""The burst rule under five pairings with apical current, event by event.

    python tests/reference/apical_pairings.py

prints changes, events and bursts within seconds; those of pulses are in
`experiments/signs/apical_timing.py`. A presynaptic spike comes 10 ms before each of
five somatic pulses of 4 nA and 3 ms; the apical current is on from 100 ms before the
first pulse, or comes in pulses of 20 ms. Cell, parsing and rule are those of
`naud_sprekeler_twin.py`; imports nothing from the package.
"""

import numpy as np

try:
    from reference import naud_sprekeler_twin as twin
except ModuleNotFoundError:  # run as a program, from its own folder
    import naud_sprekeler_twin as twin

DT, FIRST, PAIRINGS = 0.1, 200.0, 5
CURRENTS = (0.0, 200.0, 300.0, 400.0)
FREQUENCIES = (1.0, 5.0, 10.0, 20.0, 40.0, 50.0)
DELAYS = (-40.0, -20.0, -15.0, -10.0, -5.0, 0.0, 2.0, 5.0, 20.0)


def pairings(current, *, frequency=10.0, delay=None):
    """Mean weight change per pairing, events and bursts; `delay` of pulses, ms."""
    onsets = FIRST + 1000.0 / frequency * np.arange(PAIRINGS)
    n_steps = round((onsets[-1] + 103.0) / DT)
    time = (np.arange(n_steps) + 0.5) * DT
    soma, apical = np.zeros(n_steps), np.zeros(n_steps)
    for onset in onsets:
        soma[(time > onset) & (time < onset + 3.0)] = 4000.0
        if delay is not None:
            apical[(time > onset + delay) & (time < onset + delay + 20.0)] = current
    if delay is None:
        apical[time > 100.0] = current
    spikes = np.flatnonzero(twin.run(soma, apical, dt=DT)["spikes"])
    events, bursts = twin.parse(spikes.tolist(), round(16.0 / DT), "strict")
    change = twin.burst_rule(
        onsets - 10.0 + DT,
        (np.array(events) + 1) * DT,
        (np.array(bursts) + 1) * DT,
        eta=1.0,
        tau_pre=50.0,
        probability=0.3,
    )
    return change / PAIRINGS, len(events), len(bursts)


def main():
    for current in CURRENTS:
        row = (pairings(current, frequency=f) for f in FREQUENCIES)
        print(f"{current:.0f} pA:", *(f"{w:.4f} {e}/{b}" for w, e, b in row), sep="  ")
    for current in CURRENTS[1:]:
        row = (pairings(current, delay=delay)[0] for delay in DELAYS)
        print(f"{current:.0f} pA, pulses:", *(f"{w:.4f}" for w in row), sep="  ")


if __name__ == "__main__":
    main()
