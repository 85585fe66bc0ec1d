"""What other learners reach on the same task: the figures printed beside ours."""
