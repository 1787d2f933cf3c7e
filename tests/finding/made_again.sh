#!/bin/sh
# made_again.sh TESTS: the stored files are those that the generator makes.
set -eu
command -v python3 >/dev/null || { echo "SKIPPED: python3 is not installed"; exit 77; }
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
python3 "$1/finding/make_findings.py" "$made"
diff -r "$made" "$1/corpus/finding"
