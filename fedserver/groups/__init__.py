"""Groups: forums here and elsewhere. What they are, who may do what in them, their threads."""
