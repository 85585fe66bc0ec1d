"""Pictures of the questions in `experiments.plateaus`."""
