"""Evaluation of trained taggers from what weaver wrote: prediction files and TensorBoard scalars."""
