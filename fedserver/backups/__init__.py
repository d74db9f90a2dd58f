"""A whole instance in one file: made while it runs, verified, and brought back elsewhere."""
