-- Done as the owner, for who may not write the table. A body in SQL's own form is bound to the tables of now: no search path
-- and no temporary table of the caller's says which are meant.
CREATE OR REPLACE FUNCTION withdraw_overdue_activation(of_topic text) RETURNS void LANGUAGE sql SECURITY DEFINER
BEGIN ATOMIC
    UPDATE model_activations SET is_void = true
    WHERE topic = of_topic AND from_offsets IS NULL AND NOT is_void
      AND requested_at + interval '30 seconds' < clock_timestamp();
END;

REVOKE ALL ON FUNCTION withdraw_overdue_activation(text) FROM PUBLIC;

COMMENT ON FUNCTION withdraw_overdue_activation(text) IS
    'Makes a change of the topic''s model void that was announced more than 30 seconds ago and never made: who announced it '
    'is gone.';
