"""A batch of jets: reading weaver's inputs, what the columns mean, geometry, physical changes."""
