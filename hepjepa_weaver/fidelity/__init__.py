"""How well reconstructed or generated jets match real ones."""
