"""Jets made token by token by a pre-trained next-token model, and the quality of tokenizers."""
