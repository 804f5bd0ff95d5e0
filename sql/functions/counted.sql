CREATE OR REPLACE FUNCTION counted(n numeric, noun text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN n || ' ' || noun || CASE WHEN n = 1 THEN '' ELSE 's' END;

COMMENT ON FUNCTION counted(numeric, text) IS 'A number with its noun: 1 record, 2 records.';
