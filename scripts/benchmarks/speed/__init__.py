"""Training speed and memory of the networks, compared with weaver's own ParT in one process.

Imports go one way: setup ← memory, timing, synthetic_jets, stock_part ← contenders ← comparison, growth, split and its
parts ← tables.
"""
