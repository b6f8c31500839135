"""The pre-training loop behind weaver's hooks, shared by all objectives."""
