"""Networks: encoder, classifier, baselines, patches of particles, and initial weights."""
