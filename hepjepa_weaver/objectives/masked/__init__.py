"""Objectives that mask a part of each jet and predict it from the rest."""
