"""HEP-JEPA: the embeddings of hidden particles are predicted."""
