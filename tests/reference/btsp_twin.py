"""Behavioural-time-scale plasticity in plain NumPy, written from the equations.

`trial` sums the integrals on a fine grid; `run` steps a cell and its synapses one by
one. Both take parameters as dicts.
"""

import numpy as np


def sigmoid(x, alpha, beta):
    def s(y):
        return 1.0 / (1.0 + np.exp(np.clip(-beta * (y - alpha), -700.0, 700.0)))

    return (s(x) - s(0.0)) / (s(1.0) - s(0.0))


def traces(time, spikes, plateaus, p, reference=300.0):
    """ET and IS at every time, as sums over spikes and over edges of plateaus."""
    eligibility = np.zeros_like(time)
    for spike in spikes:
        age = np.maximum(time - spike, 0.0)
        eligibility += (time >= spike) * np.exp(-age / p["tau_eligibility"])
    tau = p["tau_instructive"]
    instructive = np.zeros_like(time)
    for on, off in plateaus:
        for edge, sign in ((on, 1.0), (off, -1.0)):
            age = np.maximum(time - edge, 0.0)
            instructive += sign * (1.0 - np.exp(-age / tau))
    return eligibility, instructive / (1.0 - np.exp(-reference / tau))


def trial(spikes, plateaus, p, dt, stop):
    """Offset and factor of W -> factor W + offset, by midpoint sums of step dt.

    Spikes and edges must lie on the grid; then the traces are smooth in every step.
    """
    start = min(*spikes, *(on for on, _ in plateaus))
    time = start + dt * (np.arange(round((stop - start) / dt)) + 0.5)
    eligibility, instructive = traces(time, spikes, plateaus, p)
    x = eligibility * instructive
    up = p["k_potentiation"] * sigmoid(
        x, p["alpha_potentiation"], p["beta_potentiation"]
    )
    down = p["k_depression"] * sigmoid(x, p["alpha_depression"], p["beta_depression"])
    decay = up + down
    after = dt * (np.cumsum(decay[::-1])[::-1] - 0.5 * decay)
    offset = dt * np.sum(p["weight_max"] * up * np.exp(-after))
    return offset, np.exp(-dt * decay.sum())


def run(counts, current, weights, p, cell, dt, *, trace=None):
    """Weights (n_post, n_pre) after stepping through counts (n_steps, n_pre).

    current : (n_steps, n_post) into the apical dendrite, pA. trace : (n_steps, n_pre),
    eligibilities when each step begins; they are then taken as they are.
    """
    weights = np.array(weights, float)
    eligibility = np.zeros(counts.shape[1])
    apical = np.full(len(weights), -70.0)
    plateau, instructive = np.zeros((2, len(weights)))
    peak = 1.0 - np.exp(-cell["reference_plateau"] / p["tau_instructive"])
    for step in range(len(counts)):
        half = 0.5 * dt
        for i in range(len(weights)):
            held = plateau[i] / peak
            signal = held + (instructive[i] - held) * np.exp(
                -half / p["tau_instructive"]
            )
            for j in range(counts.shape[1]):
                ready = eligibility[j] * np.exp(-half / p["tau_eligibility"])
                if trace is not None:
                    ready = trace[step, j]
                x = ready * signal
                up = p["k_potentiation"] * sigmoid(
                    x, p["alpha_potentiation"], p["beta_potentiation"]
                )
                down = p["k_depression"] * sigmoid(
                    x, p["alpha_depression"], p["beta_depression"]
                )
                # The first step begins where no length of a step is known yet, and
                # nothing has left a trace.
                if up + down > 0.0 and step > 0:
                    goal = p["weight_max"] * up / (up + down)
                    left = np.exp(-(up + down) * dt)
                    weights[i, j] = goal + (weights[i, j] - goal) * left
        held = plateau / peak
        instructive = held + (instructive - held) * np.exp(-dt / p["tau_instructive"])
        settled = cell["e_leak"] + current[step] * cell["tau_apical"] / cell["c_apical"]
        apical = settled + (apical - settled) * np.exp(-dt / cell["tau_apical"])
        plateau = (apical > cell["plateau_threshold"]).astype(float)
        eligibility = eligibility * np.exp(-dt / p["tau_eligibility"]) + counts[step]
    return weights
