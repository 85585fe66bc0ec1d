"""Pictures of the family of learning schemes."""
