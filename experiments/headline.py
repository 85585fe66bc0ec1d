"""The headline figures of a run as plain text."""

import json
from collections.abc import Mapping

COLUMNS = ("name", "ours", "unit", "reference", "source")


def headline_table(attrs: Mapping) -> str:
    """Aligned columns name, ours, unit, reference, source; "" without figures.

    Parameters
    ----------
    attrs : mapping
        Root attributes of a run tree; read is `headline_json`.
    """
    figures = json.loads(attrs.get("headline_json", "{}"))
    rows = [
        (
            name,
            _number(entry["value"]),
            "" if entry["unit"] == "1" else entry["unit"],
            entry.get("reference", ""),
            entry.get("source", ""),
        )
        for name, entry in figures.items()
    ]
    if not rows:
        return ""
    table = [COLUMNS, *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(
            cell.rjust(width) if k == 1 else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def printable(text) -> str:
    """Text without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def _number(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
