"""From labelled sessions to a booster, calibrated probabilities and bounds of evidence."""
