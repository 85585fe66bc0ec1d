"""Questions about what learning schemes do to weights and errors."""
