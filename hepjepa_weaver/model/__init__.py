"""Networks: encoder, classifier, baselines, patches of particles, and the weights that they start from."""
