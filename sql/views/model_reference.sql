CREATE OR REPLACE VIEW model_reference AS
SELECT model_version,
       exchange,
       measure,
       ARRAY(SELECT jsonb_array_elements(stated -> 'deciles')::double precision) AS deciles,
       ARRAY(SELECT jsonb_array_elements(stated -> 'shares')::double precision)  AS shares,
       (stated -> 'missing_share')::double precision                            AS missing_share,
       (stated -> 'likeness')::double precision                                 AS likeness,
       (stated -> 'effective_windows')::double precision                        AS effective_windows,
       (stated -> 'likeness_square')::double precision                          AS likeness_square
FROM model_versions
CROSS JOIN LATERAL jsonb_each(manifest -> 'reference') AS classes (exchange, measures)
CROSS JOIN LATERAL jsonb_each(measures) AS of_measure (measure, stated);

COMMENT ON VIEW model_reference IS
    'One row per model, class and measure: the distribution that the model knows. Of features in the windows that it was '
    'trained on; of confidence and margin in windows that it was not trained on.';
COMMENT ON COLUMN model_reference.model_version IS 'The model; those of before references were kept have none.';
COMMENT ON COLUMN model_reference.exchange IS
    'Whose windows: by their label for features, by what the window was called for confidence and margin.';
COMMENT ON COLUMN model_reference.measure IS 'A feature''s name, confidence, or margin.';
COMMENT ON COLUMN model_reference.deciles IS
    'The nine deciles of the defined values, ascending; equal ones where a value is frequent. None if all are undefined.';
COMMENT ON COLUMN model_reference.shares IS
    'Shares of windows up to the first decile, above it up to the second, and so on, above the last: with missing_share '
    'they add up to 1. Between equal deciles there is nothing.';
COMMENT ON COLUMN model_reference.missing_share IS 'Share of windows in which the value is undefined.';
COMMENT ON COLUMN model_reference.likeness IS
    'How alike the windows of one session are: correlation, 0 to 1, of two of them falling into the same of these shares.';
COMMENT ON COLUMN model_reference.effective_windows IS
    'As many windows that have nothing to do with each other would say as much as all those did.';
COMMENT ON COLUMN model_reference.likeness_square IS
    'Likeness is a mean over the ways in which the shares can vary; this is the mean square.';
