"""A small, believable network for looking around: people, threads, polls and pictures, all made up here."""
