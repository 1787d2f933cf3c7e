#!/bin/bash
# The symbol is the address: everything X.c exports is called X or X_something.
set -eu
shopt -s nullglob
libraries=("${CTVIGIL_BUILD:?names the build folder}"/libctv_*.a)
[ ${#libraries[@]} -gt 0 ] || { echo "symbols: no libctv_*.a in $CTVIGIL_BUILD" >&2; exit 1; }

nm --print-file-name --defined-only --extern-only "${libraries[@]}" 2>/dev/null | awk '
  {
    # "/build/libctv_base.a:buf.c.o:0000000000000000 T buf_init"
    if (NF < 3 || !match($1, /[^:\/]*\.c\.o:/)) next
    stem = substr($1, RSTART, RLENGTH - 5)
    sub(/^embedded_sql$/, "embedded", stem)  # made by cmake/embed.cmake for db/embedded.h
    symbol = $NF
    if (symbol ~ /^(__|_GLOBAL__|_sub_|asan\.|tsan\.|sancov)/) next  # sanitizers and coverage
    seen++
    if (symbol != stem && index(symbol, stem "_") != 1) {
      printf "symbols: %s.c exports %s, which does not begin with %s_\n", stem, symbol, stem > "/dev/stderr"
      failed = 1
    }
  }
  END {
    if (seen == 0) { print "symbols: nothing exported at all?" > "/dev/stderr"; failed = 1 }
    exit failed
  }'
