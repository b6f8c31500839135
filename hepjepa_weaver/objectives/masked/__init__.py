"""Objectives that hide a part of each jet and predict it from the rest."""
