"""Pictures of the questions in `experiments.bursts`."""
