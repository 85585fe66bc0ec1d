"""What is done with circuits: present, train, simulate, sequences, pieces."""
