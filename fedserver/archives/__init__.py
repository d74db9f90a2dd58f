"""What a community has written elsewhere, brought into a group; and a group's threads, taken along."""
