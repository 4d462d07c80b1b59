#!/bin/sh
# Run once by the Postgres image, when the volume is empty: one role and its databases each for Kessai and for Temporal,
# so that neither can read what is the other's. Passwords come from the environment and are quoted by psql.
set -eu

psql --set=ON_ERROR_STOP=1 --no-psqlrc --quiet --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
  --set=kessai_password="$KESSAI_DB_PASSWORD" \
  --set=temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
create role kessai login password :'kessai_password';
create role temporal login password :'temporal_password';
create database kessai owner kessai;
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke connect, temporary on database kessai, temporal, temporal_visibility from public;
SQL
