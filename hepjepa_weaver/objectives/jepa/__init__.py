"""HEP-JEPA: prediction of the embeddings of masked particles."""
