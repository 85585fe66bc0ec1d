"""Whether a run may go on: where two configurations differ, by dotted path."""

from dendrites.errors import CheckpointError

_MAX_SHOWN = 12
_ABSENT = object()


def config_differences(a: dict, b: dict) -> list[str]:
    """Where two configurations differ, as `dotted.path: value in a != value in b`.

    Lists and tuples are compared item by item and are interchangeable, as they are in
    a stored header. 1 equals 1.0; True does not equal 1.

    Parameters
    ----------
    a, b : dict
        Plain data.

    Returns
    -------
    list of str
        Sorted by path; empty if the configurations are the same.

    Source: our definition.
    """
    return list(_differences(a, b, ""))


def check_same_config(saved: dict, current: dict) -> None:
    """Refuse to resume a run under another configuration.

    Parameters
    ----------
    saved, current : dict
        Plain data: the configuration in the checkpoint, and the one asked for now.

    Raises
    ------
    CheckpointError
        If they differ; the first 12 differing paths are listed with both values.

    Source: our definition.
    """
    found = config_differences(saved, current)
    if not found:
        return
    shown = "; ".join(found[:_MAX_SHOWN])
    if len(found) > _MAX_SHOWN:
        shown += f"; and {len(found) - _MAX_SHOWN} more"
    raise CheckpointError(
        f"the checkpoint has another configuration; differences: {len(found)} "
        f"(saved != current)\n{shown}\n"
        "resume with the saved configuration, or start a run in another folder"
    )


def _differences(a, b, where):
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        a, b = dict(enumerate(a)), dict(enumerate(b))
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}, key=lambda key: (isinstance(key, str), key)):
            text = str(key) if str(key).isprintable() else repr(key)
            path = f"{where}.{text}" if where else text
            yield from _differences(a.get(key, _ABSENT), b.get(key, _ABSENT), path)
    elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
        yield f"{where}: {_shown(a)} != {_shown(b)}"


def _shown(value):
    return "(absent)" if value is _ABSENT else shortened(value)


def shortened(value) -> str:
    """How a value is written in a message: at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
