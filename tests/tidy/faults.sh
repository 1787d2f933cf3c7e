#!/bin/bash
# Every fault that the log simulator plays is met by a test of the product; that the simulator plays it is another
# matter (play a005).
set -eu
shopt -s extglob
failed=0
rows=0
# Unit tests that run the simulator, and plays that are not about it.
mapfile -t tests < <(grep -lE 'fixture/(piperig|simrun)\.h"' tests/unit/test_*.c; ls tests/play/!(a005_logsim).bats)

while read -r word; do
  rows=$((rows + 1))
  # As an argument of --fault, or of the helpers that the plays have for it.
  grep -qE -- "(\"|fault +\"?|(survives|outlives) [a-z0-9-]+ )$word([:@\" ;]|\$)" "${tests[@]}" || {
    echo "faults: nothing meets the fault $word" >&2
    failed=1
  }
done < <(sed -nE 's/^X\([A-Z_]+, "([^"]+)".*/\1/p' tests/fake/simfault.def)

[ $rows -gt 15 ] || { echo "faults: only $rows rows found: has the form of simfault.def changed?" >&2; exit 1; }
exit $failed
