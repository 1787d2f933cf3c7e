#!/bin/bash
# What is installed without the library: both programs and every page of the manual, none left out in silence; and
# ops/quickstart builds all of it.
set -eu
: "${CTVIGIL_BUILD:?names the build folder}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -e "$CTVIGIL_BUILD/cmake_install.cmake" ] && command -v cmake > /dev/null || { echo "no build to install"; exit 77; }
cmake --install "$CTVIGIL_BUILD" --component Unspecified --prefix "$work/prefix" > "$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
{
  printf '%s\n' bin/ctvigil bin/ctvigil-logsim
  for page in docs/man/*; do
    page=$(basename "$page" .in)
    case $page in libctvigil-parser.*) continue ;; esac
    echo "share/man/man${page##*.}/$page"
  done
} | sort > "$work/expected"
(cd "$work/prefix" && find . -type f | sed 's|^\./||' | sort) > "$work/found"
diff "$work/expected" "$work/found" || { echo "manual: installed is not what there is" >&2; exit 1; }
! grep -rn '^@[a-z]*@$' "$work/prefix/share/man" || { echo "manual: a table was not filled in" >&2; exit 1; }
grep -q '^build release ctvigil ctvigil-logsim manual$' ops/quickstart ||
  { echo "manual: ops/quickstart does not build the programs and the manual" >&2; exit 1; }
