#!/bin/bash
# Every row of model/finding.def has a file that raises it (tests/finding reads them), and no folder is without a row.
set -eu
folder=tests/corpus/finding
failed=0
rows=$(sed -n 's/^X(\([A-Z0-9_]*\),.*/\L\1/p' model/finding.def)
for row in $rows; do
  # The database refuses an entry, no file does: tests/unit/test_settle.c plays that.
  [ "$row" = store_refused ] && continue
  if [ -z "$(ls -A "$folder/$row" 2> /dev/null)" ]; then
    echo "findings: nothing in $folder/$row raises it" >&2
    failed=1
  fi
done
for dir in "$folder"/*/; do
  name=$(basename "$dir")
  if [ "$name" != none ] && ! grep -qx "$name" <<< "$rows"; then
    echo "findings: $dir is no row of model/finding.def" >&2
    failed=1
  fi
done
exit $failed
