#!/bin/bash
# .clang-format decides.
set -eu
for name in clang-format-14 clang-format; do
  if command -v "$name" > /dev/null; then tool=$name; break; fi
done
[ -n "${tool:-}" ] || { echo "format: skipped, clang-format is not installed" >&2; exit 77; }
files=$(git ls-files '*.c' '*.h' 2> /dev/null || true)
[ -n "$files" ] || files=$(find . -name '*.[ch]' -not -path './build*')
existing=$(for file in $files; do if [ -e "$file" ]; then echo "$file"; fi; done)
"$tool" --dry-run --Werror $existing
