"""Questions to bursts: dendrites that turn a spike into a burst, and what learns so."""
