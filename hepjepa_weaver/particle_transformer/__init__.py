"""The forward pass of weaver's ParticleTransformer, arranged for speed: the same modules, weights and numbers.

Weaver computes the pairwise features of all slots, padding included, and pads every jet to the longest of the batch.
Here pairs are computed once and for real particles only, jets of like length go through the blocks together, and on a
CPU what needs no gradient is done in pieces that stay in the cache.
"""
