"""Preparing the data sets that weaver reads."""
