"""Questions to circuits in which inhibition decides whether a synapse may learn."""
