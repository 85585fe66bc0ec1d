"""Pictures of questions about learning schemes."""
