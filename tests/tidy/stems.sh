#!/bin/bash
# No two folders share a stem, and a test or fuzzer exists only for a stem that exists.
set -eu
rooms=$(sed -n 's/^room(\([a-z]*\).*/\1/p' CMakeLists.txt)
[ -n "$rooms" ] || { echo "stems: no room in CMakeLists.txt" >&2; exit 1; }
failed=0

files=$(find $rooms bench docs tests -name '*.c' -o -name '*.h' | sort)
shared=$(echo "$files" | awk -F/ '
  { stem = $NF; sub(/\.[ch]$/, "", stem); dir = $0; sub(/\/[^\/]*$/, "", dir)
    if (stem in home && home[stem] != dir) print stem ": " home[stem] " and " dir
    else home[stem] = dir }')
if [ -n "$shared" ]; then
  echo "$shared" | sed 's/^/stems: shared: /' >&2
  failed=1
fi

for file in tests/unit/test_*.c tests/fuzz/fuzz_*.c; do
  [ -e "$file" ] || continue
  stem=$(basename "$file" .c)
  stem=${stem#test_}
  stem=${stem#fuzz_}
  found=no
  for room in $rooms; do
    if [ -e "$room/$stem.c" ] || [ -e "$room/$stem.h" ]; then found=yes; fi
  done
  if [ $found = no ]; then
    echo "stems: $file tests no stem of any room" >&2
    failed=1
  fi
done
exit $failed
