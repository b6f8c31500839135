"""Embeddings of jets by the encoder of a checkpoint, in the order of the files."""

from hepjepa_weaver.embedding.pretrained_encoder import Embeddings, PretrainedEncoder, load_encoder

__all__ = ["Embeddings", "PretrainedEncoder", "load_encoder"]
