"""Comparison of pre-training settings under one budget, by plain `weaver` commands."""
