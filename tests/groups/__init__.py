"""Groups: forums here and elsewhere."""
