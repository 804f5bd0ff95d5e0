-- The triggers that call it, and why, are in the migration 0012_newest_row_stays.
CREATE OR REPLACE FUNCTION keep_newer_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION keep_newer_row() IS 'Leaves a row as it is; called where it is newer than what would replace it.';
