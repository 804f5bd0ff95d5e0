-- A login for dashboards that may read and nothing else; for psql, as the owner of the tables, before or after `migrate`.
-- Run again it sets the password of now.
\set ON_ERROR_STOP on
\getenv reader_password GRAFANA_DB_PASSWORD
\if :{?reader_password} \else \warn 'Expected GRAFANA_DB_PASSWORD in the environment, found nothing: set it' \endif

BEGIN;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana') THEN
        CREATE ROLE grafana LOGIN;
    END IF;
END
$$;
ALTER ROLE grafana PASSWORD :'reader_password';
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
-- For the views that are there, and for those that this release or a later one adds.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
COMMIT;
