"""Conversion of experiments' own files of events or jets to files of jets in JetClass's schema."""
