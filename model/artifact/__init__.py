"""The model artifact: a folder with a booster and a manifest, and what explains its verdicts."""
