"""Pre-training objectives: how encoder, masking and predictor are put together. HEP-JEPA is the first."""
