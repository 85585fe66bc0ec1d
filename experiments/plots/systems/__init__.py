"""Pictures of questions about circuits of the brain."""
