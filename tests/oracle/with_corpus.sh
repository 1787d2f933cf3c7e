#!/bin/sh
# with_corpus.sh PROGRAM: unpacks the corpus of public certificates into the build folder (once) and runs PROGRAM on it.
# Exit 77 (skipped) where the corpus or the tools to unpack it are missing.
set -eu
archive=${CTVIGIL_SHARED:-/nowhere}/corpus/open.tar.zst
if [ ! -r "$archive" ]; then
  echo "SKIPPED: no corpus at $archive"
  exit 77
fi
for tool in zstd tar; do
  if ! command -v "$tool" >/dev/null; then
    echo "SKIPPED: $tool is not installed"
    exit 77
  fi
done
folder=${CTVIGIL_BUILD:-${TMPDIR:-/tmp}}/oracle-corpus
if [ ! -e "$folder/.complete" ]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  zstd -dcq "$archive" | tar -x -C "$folder" -f -
  : >"$folder/.complete"
fi
exec "$1" "$folder"
