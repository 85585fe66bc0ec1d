"""Questions to the dendritic microcircuit of Sacramento et al. (2018)."""
