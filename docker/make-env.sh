#!/bin/sh
# Writes a .env with fresh secrets for docker-compose.yml. Never replaces one: a lost KESSAI_DATA_KEY cannot be made again.
set -eu

target="${1:-.env}"
if [ -e "$target" ]; then
  echo "$target exists and is left as it is: delete it yourself if you are sure that no volume depends on it." >&2
  exit 1
fi
command -v openssl >/dev/null || {
  echo 'openssl is missing: install it, or write the seven lines by hand (docs/deploy.md).' >&2
  exit 1
}
umask 077
# A pair of P-256 for push messages (RFC 8292), as its bare bytes: a DER key has the scalar at its 8th byte and the point at its end.
vapid="$(mktemp)"
trap 'rm -f "$vapid"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -outform DER -out "$vapid"
base64url() { base64 | tr -d '\n=' | tr '/+' '_-'; }
vapid_private="$(dd if="$vapid" bs=1 skip=7 count=32 2>/dev/null | base64url)"
vapid_public="$(tail -c 65 "$vapid" | base64url)"
# Hexadecimal for passwords, as they become part of a URL; 32 bytes in base64 for the keys.
cat >"$target.new" <<ENV
POSTGRES_PASSWORD=$(openssl rand -hex 24)
KESSAI_DB_PASSWORD=$(openssl rand -hex 24)
TEMPORAL_DB_PASSWORD=$(openssl rand -hex 24)
KESSAI_DATA_KEY=$(openssl rand -base64 32)
KESSAI_CODE_PEPPER=$(openssl rand -base64 32)
KESSAI_VAPID_PUBLIC_KEY=$vapid_public
KESSAI_VAPID_PRIVATE_KEY=$vapid_private
ENV
mv "$target.new" "$target"
echo "Wrote $target. Keep a copy of it in a safe place: without KESSAI_DATA_KEY sealed data cannot be read again."
