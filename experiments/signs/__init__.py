"""Questions put to all models of the lab: what sets the sign of plasticity?"""
