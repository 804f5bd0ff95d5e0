-- What each window was scored from.

ALTER TABLE window_scores ADD COLUMN IF NOT EXISTS features real[];
COMMENT ON COLUMN window_scores.features IS
    'The 56 features, six decimals, in the order of the view feature_positions; NULL in it where undefined, and NULL in '
    'rows from before features were kept.';
