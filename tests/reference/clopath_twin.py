"""Plain NumPy twin of the adaptive exponential cell with a dendrite, and its rule.

Written from the equations for reading, one cell at a time; all of the past is kept, so
that a delay is an index. Nothing is imported from the package.

Row ``k`` of every array is the state at ``k dt``, row 0 the start. Currents and spikes
of step ``k``, which leads from row ``k - 1`` to row ``k``, stand in row ``k - 1`` of
their arrays.
"""

import numpy as np

CELL = {
    "C": 281.0,
    "gL": 30.0,
    "EL": -70.6,
    "DeltaT": 2.0,
    "VTrest": -50.4,
    "VTspike": -30.4,
    "tauVT": 50.0,
    "Vpeak": 20.0,
    "Vreset": -49.6,
    "Vclamp": 33.0,
    "clamp": 2.0,
    "a": 4.0,
    "b": 80.5,
    "tauw": 144.0,
    "Isp": 400.0,
    "tauz": 40.0,
    "Cd": 100.0,
    "gd": 10.0,
    "gc": 5.0,
    "x": 300.0,
    "lam": 300.0,
    "Vbap": 103.6,
    "boost": 0.0,
    "Vboost": -60.0,
    "kboost": 3.0,
    "Isyn": 0.0,
    "tausyn": 3.0,
    "tauminus": 10.0,
    "tauplus": 7.0,
    "taumean": 1000.0,
}
RULE = {
    "ALTD": 14e-5,
    "ALTP": 8e-5,
    "thetaminus": -70.6,
    "thetaplus": -45.3,
    "taux": 15.0,
    "delay": 4.0,
}


def run_cell(n_steps, dt, *, forced=None, soma=0.0, apical=0.0, synapse=0.0, **changed):
    """All of the cell's past, as a dict of arrays (n_steps + 1,).

    `forced` is the count of every step; without it the cell fires by itself.
    """
    c = {**CELL, **changed}
    soma, apical, synapse = (
        np.broadcast_to(np.asarray(x, float), n_steps) for x in (soma, apical, synapse)
    )
    share = np.exp(-c["x"] / c["lam"])
    names = ("u", "v", "shown", "w", "z", "VT", "syn", "spikes")
    names += ("u_minus", "u_plus", "u_mean", "d_minus", "d_plus", "d_mean")
    past = {name: np.zeros(n_steps + 1) for name in names}
    for name in ("u", "v", "shown", "u_minus", "u_plus", "d_minus", "d_plus"):
        past[name][0] = c["EL"]
    past["VT"][0] = c["VTrest"]
    free_from = 0  # first row that no clamp holds
    for k in range(n_steps):
        u, v, d, w, z, VT, syn = (past[n][k] for n in names[:7])
        clamped = k < free_from
        # Soma, adaptation, afterpotential, threshold.
        exponential = c["gL"] * c["DeltaT"] * np.exp((u - VT) / c["DeltaT"])
        total = -c["gL"] * (u - c["EL"]) + exponential + c["gc"] * (v - u)
        total += -w + z + soma[k]
        new_u = min(u + dt * total / c["C"], c["Vpeak"])
        new_w = w + dt * (c["a"] * (u - c["EL"]) - w) / c["tauw"]
        if clamped:
            new_u = c["Vclamp"] if k + 1 < free_from else c["Vreset"]
            new_w = w
        new_z = z * np.exp(-dt / c["tauz"])
        new_VT = c["VTrest"] + (VT - c["VTrest"]) * np.exp(-dt / c["tauVT"])
        # Dendrite without back-propagating spikes.
        total = -c["gd"] * (v - c["EL"]) + syn + apical[k]
        total += c["gc"] * ((c["Vreset"] if clamped else u) - v)
        new_v = v + dt * total / c["Cd"]
        new_syn = syn * np.exp(-dt / c["tausyn"]) + c["Isyn"] * synapse[k]
        # Spike.
        crosses = new_u >= c["Vpeak"] and not (clamped and k + 1 < free_from)
        count = float(crosses) if forced is None else forced[k]
        if count > 0:
            free_from = k + 1 + round(c["clamp"] / dt)
            new_u = c["Vclamp"] if free_from > k + 1 else c["Vreset"]
            new_w += c["b"] * count
            new_z, new_VT = c["Isp"], c["VTspike"]
        elif crosses:
            new_u = c["Vreset"]
        gate = 1 / (1 + np.exp(-(new_v - c["Vboost"]) / c["kboost"]))
        bap = min(share * (1 + c["boost"] * gate), 1) * c["Vbap"]
        shown = new_v + (bap if k + 1 < free_from else 0.0)
        row = (new_u, new_v, shown, new_w, new_z, new_VT, new_syn, count)
        for name, value in zip(names, row, strict=False):
            past[name][k + 1] = value
        # Filters follow what was shown when the step began.
        for of, value in (("u", u), ("d", d)):
            for kind in ("minus", "plus"):
                old = past[f"{of}_{kind}"][k]
                keep = np.exp(-dt / c[f"tau{kind}"])
                past[f"{of}_{kind}"][k + 1] = keep * old + (1 - keep) * value
            old, keep = past[f"{of}_mean"][k], np.exp(-dt / c["taumean"])
            past[f"{of}_mean"][k + 1] = keep * old + (1 - keep) * (value - c["EL"])
    return past


def weight_change(past, inputs, dt, *, site="d", u_ref_squared=None, **changed):
    """Change of the weight by every step, (n_steps,).

    `inputs` holds the number of input spikes in every step. `site` is "u" for the soma
    and "d" for the dendrite. With `u_ref_squared` depression slides with the mean.
    """
    r = {**RULE, **changed}
    potential = past["shown" if site == "d" else "u"]
    lag = round(r["delay"] / dt)
    rest = r.get("EL", CELL["EL"])
    n_steps = len(inputs)
    X = np.zeros(n_steps + 1)  # spikes that have just come in, at each row
    X[1:] = inputs
    changes = np.zeros(n_steps)
    xbar = 0.0
    for k in range(n_steps):
        xbar = xbar * np.exp(-dt / r["taux"]) + X[k] / r["taux"]
        before = k - lag
        minus = past[f"{site}_minus"][before] if before >= 0 else rest
        plus = past[f"{site}_plus"][before] if before >= 0 else rest
        depression = r["ALTD"] * max(minus - r["thetaminus"], 0)
        if u_ref_squared is not None:
            depression *= past[f"{site}_mean"][k] ** 2 / u_ref_squared
        potentiation = r["ALTP"] * max(potential[k] - r["thetaplus"], 0)
        potentiation *= max(plus - r["thetaminus"], 0)
        changes[k] = xbar * potentiation * dt - X[k] * depression
    return changes
