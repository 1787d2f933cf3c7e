#!/bin/bash
# The public header of the library names every finding with the number that its row has: programs have compiled it in.
set -eu
rows=$(sed -n 's/^X(\([A-Z0-9_]*\),.*/\1/p' model/finding.def | awk '{ print $1 " = " NR - 1 }')
named=$(sed -n 's/^ *CTVIGIL_FINDING_\([A-Z0-9_]* = [0-9]*\),\{0,1\}$/\1/p' lib/ctvigil/parser.h)
[ -n "$rows" ] || { echo "library: no rows in model/finding.def" >&2; exit 1; }
if ! differences=$(diff <(echo "$rows") <(echo "$named")); then
  echo "$differences" | sed -n 's/^</library: lib\/ctvigil\/parser.h lacks CTVIGIL_FINDING_/p
    s/^> /library: model\/finding.def has no such row: /p' | sed 's/FINDING_ /FINDING_/' >&2
  exit 1
fi
