"""A batch of jets: reading weaver's inputs, meaning of the columns, geometry, augmentation."""
