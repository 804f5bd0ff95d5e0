-- A login for dashboards that may read and nothing else; for psql, as the owner of the tables, before `migrate`.
\getenv reader_password GRAFANA_DB_PASSWORD

CREATE ROLE grafana LOGIN PASSWORD :'reader_password';
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '30s';
-- Also for the views that a later release adds.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
