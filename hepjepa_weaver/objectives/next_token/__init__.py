"""Next-token pre-training: the code of each particle from the harder ones before it."""
