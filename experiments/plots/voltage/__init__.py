"""Pictures of the questions in `experiments.voltage`."""
