"""Pre-training objectives: the arrangement of encoder, masking and predictor. HEP-JEPA is the first."""
