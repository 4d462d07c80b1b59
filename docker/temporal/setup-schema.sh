#!/bin/sh
# Brings Temporal's two databases to the schema of this admin-tools image. Safe to repeat, and so done at each start:
# a newer image finds its schema ready. The tool reads SQL_HOST, SQL_PORT, SQL_USER, SQL_PASSWORD and SQL_PLUGIN.
set -eu

schemas="${SCHEMA_FOLDER:-/etc/temporal/schema/postgresql/v12}"

for database in temporal temporal_visibility; do
  case "$database" in
    temporal) versions="$schemas/temporal/versioned" ;;
    *) versions="$schemas/visibility/versioned" ;;
  esac
  temporal-sql-tool --database "$database" setup-schema --version 0.0
  temporal-sql-tool --database "$database" update-schema --schema-dir "$versions"
done
