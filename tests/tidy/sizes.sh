#!/bin/bash
# What no longer fits on a few screens is split: files of 600 lines, functions of 70, lines of 110 columns.
set -eu
find . -name '*.[ch]' -not -path './build*' | sort | xargs awk '
  function complain(text) { print "sizes: " text > "/dev/stderr"; failed = 1 }
  FNR == 1 { body = 0 }
  FNR == 601 { complain(FILENAME ": longer than 600 lines") }
  /^\{/ { body = FNR }
  /^\}/ { if (body && FNR - body > 71) complain(FILENAME ":" body ": function of " FNR - body - 1 " lines"); body = 0 }
  # Bytes that continue a UTF-8 sequence are no columns.
  { line = $0; gsub(/[\200-\277]/, "", line) }
  length(line) > 110 { complain(FILENAME ":" FNR ": " length(line) " columns") }
  END { exit failed }'
