"""One plastic step of the microcircuit as it is written on paper.

The plainest NumPy twin there is: new arrays at every line, one layer at a time. The
tuned twin of `microcircuit_twin` is tested against it, and benchmarks name both.
"""


def textbook_step(s, w, D, inputs, target, *, dt, eta, tau, phi, g):
    """One step in the form it is written on paper: new arrays, one layer at a time."""
    n = g.n_layers
    r, rI = [inputs, *map(phi, s["u"])], [phi(x) for x in s["uI"]]
    vB = [r[k - 1] @ w["W"][k - 1].T for k in range(1, n + 1)]
    top_down = [r[k + 1] @ w["B"][k - 1].T for k in range(1, n)]
    vA = [v + rI[k] @ w["WPI"][k].T for k, v in enumerate(top_down)]
    vI = [r[k] @ w["WIP"][k - 1].T for k in range(1, n)]
    terms = {"W": [], "WIP": [], "WPI": [], "B": []}
    u, uI = [], []
    for k in range(1, n + 1):
        old, basal = s["u"][k - 1], vB[k - 1]
        apical = g.g_apical if k < n else 0.0
        a = g.g_basal / (g.g_leak + g.g_basal + apical)
        terms["W"].append((phi(old) - phi(a * basal), r[k - 1]))
        slope = -g.g_leak * old + g.g_basal * (basal - old)
        if k < n:
            slope += apical * (vA[k - 1] - old)
        elif target is not None:
            slope += g.g_nudge_output * (target - old)
        u.append(old + dt * slope)
    for k in range(1, n):
        old, dendrite, g_dendrite = s["uI"][k - 1], vI[k - 1], g.g_dendrite[k - 1]
        predicted = g_dendrite / (g.g_leak + g_dendrite) * dendrite
        terms["WIP"].append((phi(old) - phi(predicted), r[k]))
        terms["WPI"].append((-vA[k - 1], rI[k - 1]))
        if "B" in eta:
            error = phi(s["u"][k - 1]) - phi(top_down[k - 1])
            terms["B"].append((error, r[k + 1]))
        nudge = g.g_nudge_interneuron * (s["u"][k] - old)
        slope = -g.g_leak * old + g_dendrite * (dendrite - old) + nudge
        uI.append(old + dt * slope)
    new_w, new_D = {}, {}
    for name, pairs in ((k, v) for k, v in terms.items() if k in eta):
        change = [e.T @ p / len(inputs) for e, p in pairs]
        if tau > 0.0:
            change = [
                d + dt / tau * (c - d) for d, c in zip(D[name], change, strict=True)
            ]
        moved = zip(w[name], eta[name], change, strict=True)
        new_w[name] = [x + rate * dt * c for x, rate, c in moved]
        new_D[name] = change
    return {"u": u, "uI": uI}, new_w, new_D
