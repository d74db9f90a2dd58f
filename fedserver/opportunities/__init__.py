"""Opportunities: jobs, grants, calls, fellowships, voluntary work and microgrants, until their deadline; and applying to them."""
