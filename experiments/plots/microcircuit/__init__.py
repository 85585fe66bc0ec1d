"""Pictures of the questions in `experiments.microcircuit`."""
