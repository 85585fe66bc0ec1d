"""Tables of the options of all public doors, and what changing each of them does."""
