"""Pictures of the questions in `experiments.prediction`."""
