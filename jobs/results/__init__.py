"""Whether results are what they must be: `values` compares, `tables` reads what was written, `topic` computes it."""
