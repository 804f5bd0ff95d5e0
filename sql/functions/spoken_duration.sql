-- As `spoken_duration` in jobs/results/wording.py, which a test compares.
CREATE OR REPLACE FUNCTION spoken_duration(seconds double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN seconds < 9.95 THEN (round(seconds * 10) / 10)::text || ' s'
    WHEN round(seconds) < 60 THEN round(seconds)::text || ' s'
    WHEN round(seconds) < 3600 THEN
        div(round(seconds)::numeric, 60) || ' min' || CASE WHEN round(seconds)::bigint % 60 > 0
            THEN ' ' || round(seconds)::bigint % 60 || ' s' ELSE '' END
    WHEN round(seconds / 60) < 1440 THEN
        div(round(seconds / 60)::numeric, 60) || ' h' || CASE WHEN round(seconds / 60)::bigint % 60 > 0
            THEN ' ' || round(seconds / 60)::bigint % 60 || ' min' ELSE '' END
    ELSE
        div(round(seconds / 3600)::numeric, 24) || CASE WHEN round(seconds / 3600) < 48 THEN ' day' ELSE ' days' END
            || CASE WHEN round(seconds / 3600)::bigint % 24 > 0
            THEN ' ' || round(seconds / 3600)::bigint % 24 || ' h' ELSE '' END
END;

COMMENT ON FUNCTION spoken_duration(double precision) IS
    'A duration by its two largest units, below 10 s to the tenth: 3 min 14 s.';
