"""Resources from elsewhere: a reader for each source, and what brings what they found into the library."""
