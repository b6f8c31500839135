"""The forward pass of weaver's ParticleTransformer, arranged for speed: the same modules, weights and numbers.

Weaver computes the pairwise features of all slots, padding included, and pads every jet to the longest of the batch.
Here pairs are computed once, for real particles only, and jets of similar length pass the blocks together. On a CPU,
steps without gradient are computed in pieces that fit into the cache.
"""
