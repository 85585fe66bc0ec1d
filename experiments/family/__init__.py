"""The family of learning schemes, beside each other: one table, one harness."""
