"""Questions to plateau potentials: segregated dendrites, place fields."""
