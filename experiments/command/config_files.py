"""Configuration files: TOML or JSON, plain data only, refused when unreasonable.

A file is measured before it is parsed, because the parsers recurse: one bracket too
many would otherwise end in a RecursionError.
"""

import json
import math
import os
import re
import tomllib
from pathlib import Path

from dendrites.errors import ConfigError

LARGEST_BYTES = 10_000_000
DEEPEST = 64
MOST_KEYS = 1_000_000

# Unterminated strings match up to where they could end at the latest, so that the scan
# takes linear time on any input; the parser reports them afterwards.
_STRINGS = {
    ".json": re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL),
    ".toml": re.compile(
        r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?'
        r"|'''(?:[^']++|'(?!''))*+(?:''')?"
        r'|"(?:[^"\\\n]++|\\.)*+"?'
        r"|'[^'\n]*+'?"
        r"|\#[^\n]*+",
        re.DOTALL,
    ),
}
_EXAMPLE = "Write TOML (.toml, lines such as epochs = 20) or JSON (.json)."


def read_config(path: str | os.PathLike) -> dict:
    """Keyword arguments from a configuration file: names to plain values.

    Parameters
    ----------
    path : str or path
        A `.toml` or `.json` file in UTF-8, at most 10 MB, nested at most 64 deep, with
        at most a million keys.

    Returns
    -------
    dict
        Text, numbers, booleans, dates (TOML), None (JSON), lists and dictionaries.
        What the names mean is not checked here.

    Raises
    ------
    ConfigError
        If the file cannot be read, is too large, is not correct TOML or JSON (with
        line and column), holds a name twice, or is JSON with NaN or an infinity (with
        their paths).
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _STRINGS:
        kind = "YAML is" if suffix in (".yaml", ".yml") else f"{suffix!r} files are"
        raise ConfigError(f"configuration {path}: {kind} not supported.\n{_EXAMPLE}")
    text = _text(path)
    _check_size(path, suffix, text)
    try:
        if suffix == ".toml":
            data = tomllib.loads(text)
        else:
            data = json.loads(text, object_pairs_hook=_pairs(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration {path}: {_short(str(error))}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"configuration {path}, line {error.lineno}, column {error.colno}: "
            f"{error.msg}"
        ) from None
    except RecursionError:
        raise ConfigError(
            f"configuration {path}: nested too deeply, at most {DEEPEST} levels"
        ) from None
    except ConfigError:
        raise
    except ValueError as error:  # such as a number of more than 4,300 digits
        raise ConfigError(f"configuration {path}: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(
            f"configuration {path}: holds a {type(data).__name__}, expected names with "
            'values, such as {"epochs": 20}'
        )
    if suffix == ".json":  # TOML has NaN; whether one is meant is for the checks to say
        _check_finite(path, data)
    return data


def _text(path):
    if not os.path.exists(path):
        raise ConfigError(f"configuration {path}: no such file")
    if not os.path.isfile(path):  # a device or pipe might never end
        raise ConfigError(f"configuration {path}: not a regular file")
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"configuration {path}: cannot be read: {reason}") from error
    if len(raw) > LARGEST_BYTES:
        raise ConfigError(
            f"configuration {path}: larger than {LARGEST_BYTES // 1_000_000} MB; it "
            "holds keyword arguments, data belong in files of their own"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"configuration {path}, line {line}: not UTF-8 text; save it as UTF-8"
        ) from None


def _check_size(path, suffix, text):
    bare = _STRINGS[suffix].sub("S", text)
    keys = bare.count(":" if suffix == ".json" else "=")
    if suffix == ".toml":
        keys += bare.count("\n[")
    if keys > MOST_KEYS:
        raise ConfigError(
            f"configuration {path}: {keys} keys, at most {MOST_KEYS} are read"
        )
    depth = deepest = 0
    for match in re.finditer(r"[\[{}\]]", bare):
        depth += 1 if match[0] in "[{" else -1
        deepest = max(deepest, depth)
        if deepest > DEEPEST:
            break
    # A dotted name a.b.c nests as well; a number has at most one dot.
    if suffix == ".toml":
        pieces = re.split(r"[=,{}\[\]\n]", bare)
        deepest = max(deepest, max(piece.count(".") for piece in pieces) + 1)
    if deepest > DEEPEST:
        raise ConfigError(
            f"configuration {path}: nested more than {DEEPEST} levels deep; arguments "
            "are names with plain values"
        )


def _short(text):
    """A message with its end, which says where, if it quotes something long."""
    return text if len(text) <= 400 else f"{text[:300]} ... {text[-80:]}"


def _pairs(path):
    def unique(pairs):
        data = dict(pairs)
        if len(data) < len(pairs):
            seen = set()
            twice = next(k for k, _ in pairs if k in seen or seen.add(k))
            raise ConfigError(f"configuration {path}: {twice!r:.60} is there twice")
        return data

    return unique


def _check_finite(path, data):
    found, waiting = [], [("", data)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, dict):
            dot = "." if where else ""
            waiting += [(f"{where}{dot}{key:.60}", item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{where}[{k}]", item) for k, item in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            found.append(
                f"configuration {path}: {where} = {value}: not a finite number"
            )
    if found:
        shown = sorted(found)[:20]
        raise ConfigError("\n".join(shown) + _rest(len(found) - len(shown)))


def _rest(n):
    return f"\n... and {n} more" if n > 0 else ""
