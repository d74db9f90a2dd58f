"""The library of training resources: what is described, kept, found, used, reviewed, adapted and shared."""
