#!/bin/sh
# Writes a .env with fresh secrets for docker-compose.yml. Never replaces one: a lost KESSAI_DATA_KEY cannot be made again.
set -eu

target="${1:-.env}"
if [ -e "$target" ]; then
  echo "$target exists and is left as it is: delete it yourself if you are sure that no volume depends on it." >&2
  exit 1
fi
command -v openssl >/dev/null || {
  echo 'openssl is missing: install it, or write the five lines by hand (docs/deploy.md).' >&2
  exit 1
}
umask 077
# Hexadecimal for passwords, as they become part of a URL; 32 bytes in base64 for the keys.
cat >"$target.new" <<ENV
POSTGRES_PASSWORD=$(openssl rand -hex 24)
KESSAI_DB_PASSWORD=$(openssl rand -hex 24)
TEMPORAL_DB_PASSWORD=$(openssl rand -hex 24)
KESSAI_DATA_KEY=$(openssl rand -base64 32)
KESSAI_CODE_PEPPER=$(openssl rand -base64 32)
ENV
mv "$target.new" "$target"
echo "Wrote $target. Keep a copy of it in a safe place: without KESSAI_DATA_KEY sealed data cannot be read again."
