"""Pictures of the questions in `experiments.signs`."""
