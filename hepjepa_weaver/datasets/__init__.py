"""Preparation of the data sets that weaver reads."""
