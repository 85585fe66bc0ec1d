"""Scalar functions become compiled loops: source, loops, calls, cache."""
