"""Pictures of the questions in `experiments.gates`."""
