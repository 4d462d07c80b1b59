#!/bin/sh
# Makes Kessai's namespace and the search attributes its workflows are started with. Safe to repeat.
# The CLI reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

attributes="${SEARCH_ATTRIBUTES_FILE:-/setup/search-attributes.txt}"

# Repeats a task for a minute; says what went wrong only when it gives up. A server that answers health may still refuse
# namespaces, and a new namespace its attributes, for a few seconds.
patiently() {
  left=60
  until output="$("$@" 2>&1)"; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
      echo "Gave up on: $*" >&2
      echo "$output" >&2
      exit 1
    fi
    sleep 1
  done
}

namespace_exists() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1
}

ensure_namespace() {
  namespace_exists ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "${NAMESPACE_RETENTION:-720h}"
}

ensure_attribute() {
  temporal operator search-attribute create --name "$1" --type "$2"
}

patiently temporal operator cluster health
patiently ensure_namespace
# One "Name Type" a line; lines with # are comments.
while read -r name type; do
  case "$name" in '' | '#'*) continue ;; esac
  patiently ensure_attribute "$name" "$type"
done <"$attributes"
echo "Namespace $TEMPORAL_NAMESPACE is ready."
