"""Tokenizers: from particles to codes, of which there are finitely many, and back."""
