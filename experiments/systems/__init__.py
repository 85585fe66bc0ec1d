"""Questions about circuits of the brain that learn by a teacher of their own."""
