"""Embeddings of jets by the encoder of a checkpoint, in the order of the files."""

from hepjepa_weaver.embedding.embeddings import Embeddings
from hepjepa_weaver.embedding.loading import load_encoder
from hepjepa_weaver.embedding.pretrained_encoder import PretrainedEncoder

__all__ = ["Embeddings", "PretrainedEncoder", "load_encoder"]
