"""One picture for each question: what its tree holds, with nothing computed."""
