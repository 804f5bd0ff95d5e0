"""A steady load for hours: `load` publishes, `probes` measure, `run` does both, `report` draws what came of it."""
