"""The command line: ``dendrites run``, ``sweep``, ``plot``, ``list`` and ``doctor``."""
