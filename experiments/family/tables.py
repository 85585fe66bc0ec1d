"""Tables of stored runs of the family, as Markdown for their pages."""

from experiments.family.table import SCHEMES

CLOSE = 1.5  # times the error of backprop


def atlas_table(tree) -> str:
    """Mean angle and length of hidden layer 1, before and after learning."""
    atlas = tree["atlas"].to_dataset().isel(layer=0)
    means = atlas.mean("replica")
    rows = [
        "| scheme | told | angle at the start | mean of many | after learning | "
        "length at the start | after learning | loss |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in atlas.scheme.values:
        one = means.sel(scheme=name)
        mean = float(one.angle_of_mean)
        many = "" if mean != mean else f"{mean:.1f} ({int(one.averaged)})"
        angle, length = one.angle.values, one.size_ratio.values
        cells = [
            f"`{name}`",
            str(one.information.item()),
            f"{angle[0]:.1f}",
            many,
            f"{angle[-1]:.1f}",
            f"{length[0]:.3g}",
            f"{length[-1]:.3g}",
            str(one.loss.item()),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def errors_table(tree) -> str:
    """Error, presentations and time of every scheme, and why it stays behind."""
    found = tree["compare"].to_dataset()
    backprop = float(found.test_error.sel(scheme="backprop").mean())
    goal = f"{100 * found.attrs['goal']:g} %"
    rows = [
        f"| scheme | told | error, % | of backprop's | presentations to {goal} | "
        "processor s | why it stays behind |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in found.scheme.values:
        one = found.sel(scheme=name)
        error = float(one.test_error.mean())
        reached = one.presentations_to_goal.mean(skipna=False)
        seconds = one.seconds_to_goal.mean(skipna=False)
        cells = [
            f"`{name}`",
            str(one.information.item()),
            f"{100 * error:.1f}",
            f"{error / backprop:.1f}",
            f"{float(reached):,.0f}" if reached.notnull() else "not all",
            f"{float(seconds):.2g}" if seconds.notnull() else "",
            SCHEMES[name].why if error > CLOSE * backprop else "",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def improvement_table(tree) -> str:
    """Examples improved and fall of the loss, over layers, at the start and later."""
    means = tree["improvement"].to_dataset().mean(("replica", "layer"))
    rows = [
        "| scheme | improved at the start, % | after learning | fall at the start, % | "
        "after learning | change of activity, % |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in means.scheme.values:
        one = means.sel(scheme=name)
        share, fall = one.share_improved.values, one.relative_fall.values
        cells = [
            f"`{name}`",
            *(f"{100 * value:.0f}" for value in share),
            *(f"{100 * value:.2g}" for value in fall),
            f"{100 * one.activity_change.values[-1]:.2g}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def speed_table(rows) -> str:
    """Milliseconds of a presentation, and times the speed of NumPy and PyTorch.

    Parameters
    ----------
    rows : list of dict
        As `benchmarks/family.py` writes them.
    """
    lines = [
        "| scheme | cells x batch | ms | x NumPy | x PyTorch | largest deviation |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        torch, deviation = row.get("times_torch"), row["deviation"]
        cells = [
            f"`{row['scheme']}`",
            f"{row['sizes']} x {row['batch']}",
            f"{row['engine_ms']:.3g}",
            f"{row['times_numpy']:.2g}",
            "" if torch is None else f"{torch:.2g}",
            "other draws" if deviation is None else f"{deviation:.0e}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
