"""Questions to dendrites that predict their soma (Urbanczik & Senn 2014)."""
