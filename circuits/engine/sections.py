"""Sections: named stretches of one arena, one after the other."""

from bisect import bisect_right

GUARD = "guard"


class Sections:
    """Stretches of an arena, each known by a key: a kind, and whose it is."""

    def __init__(self, *, guarded=False):
        self.size, self._places, self._starts, self._keys = 0, {}, [], []
        self._stretches = {}
        self._guarded = guarded

    def add(self, key: tuple, n: int) -> None:
        """Give n numbers a place under a key.

        In a guarded arena numbers that nobody may touch lie between kinds.
        """
        last = self._keys[-1][0] if self._keys else None
        if self._guarded and key[0] != GUARD and last not in (key[0], GUARD):
            self.add((GUARD, len(self._keys)), 64)
        self._places[key] = self.size, int(n)
        self._stretches.clear()
        if n:
            self._starts.append(self.size)
            self._keys.append(key)
        self.size += int(n)

    def place(self, *key) -> int:
        """Where they begin."""
        return self._places[key][0]

    def part(self, *key) -> slice:
        """Where they lie."""
        first, n = self._places[key]
        return slice(first, first + n)

    def stretch(self, kind: str) -> slice:
        """Where all of a kind lie, which were added one after the other."""
        if kind not in self._stretches:
            parts = [v for key, v in self._places.items() if key[0] == kind]
            first, (last, n) = (parts[0][0], parts[-1]) if parts else (0, (0, 0))
            self._stretches[kind] = slice(first, last + n)
        return self._stretches[kind]

    def total(self, kind: str) -> int:
        """Numbers in all sections of a kind."""
        return sum(n for key, (_, n) in self._places.items() if key[0] == kind)

    def between(self, first: int, last: int) -> tuple[tuple, ...]:
        """Keys of the sections that numbers from `first` to before `last` lie in."""
        start = max(bisect_right(self._starts, first) - 1, 0)
        stop = bisect_right(self._starts, last - 1)
        return tuple(self._keys[start:stop])

    def of_kind(self, kind: str) -> list[tuple]:
        """Keys of a kind."""
        return [key for key in self._places if key[0] == kind]


def name_of(key: tuple) -> str:
    """A section in words."""
    kind, *whose = key
    if kind in ("weights", "state", "field"):
        return ".".join(whose)
    if kind == "signal":
        population, read, when = whose
        return f"{population}.{read}" + ("" if when == "now" else f" ({when})")
    if kind == "held":
        return f"held {'.'.join(whose)}"
    if kind in ("trace", "behind"):
        return f"trace of {whose[0]}.{whose[1]}"
    if kind == "arrived":
        return f"{'.'.join(whose)} (arrived)"
    if kind == "average":
        if len(whose) > 2:
            return f"products of {whose[1]} in {whose[0]}"
        return f"{whose[1]} in {whose[0]}"
    if kind == "factor" and whose[0] == 0:
        whose = whose[1:]
    return " of ".join([kind, ".".join(map(str, whose))] if whose else [kind])
