#!/bin/bash
# Installs the library alone, looks what it shows and what it needs, and runs the example of its man page, shared and
# static, in C and in C++.
set -eu
: "${CTVIGIL_BUILD:?names the build folder}" "${CC:=cc}" "${CMAKE:=cmake}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
  echo "lib: $*" >&2
  failed=1
}

"$CMAKE" --install "$CTVIGIL_BUILD" --component parser --prefix "$work/first" > "$work/install.log" ||
  { cat "$work/install.log" >&2; exit 1; }
# The tree may be moved as a whole.
prefix=$work/prefix
mv "$work/first" "$prefix"
libdir=$(dirname "$(find "$prefix" -name libctvigil-parser.a)")
shared=$(readlink -f "$libdir/libctvigil-parser.so")
static=$libdir/libctvigil-parser.a
installed=$(cd "$prefix" && find . -type f -o -type l | sed 's|^.*/||' | sort | tr '\n' ' ')
expected='libctvigil-parser.3 libctvigil-parser.a libctvigil-parser.pc libctvigil-parser.so libctvigil-parser.so.0'
expected+=" ${shared##*/} parser.h "
[ "$installed" = "$expected" ] || complain "installed is $installed, not $expected"

# Exactly the functions of the header are shown, by both.
"$CC" -E -P "$prefix/include/ctvigil/parser.h" | grep -oE 'ctvigil_[a-z0-9_]+ *\(' | tr -d ' (' | sort > "$work/declared"
[ "$(wc -l < "$work/declared")" -gt 80 ] || complain "only $(wc -l < "$work/declared") functions found in the header"
nm -D --defined-only "$shared" | sed -n 's/.* [TBDRVW] //p' | sed 's/@.*//' | sort > "$work/shared"
nm -g --defined-only "$static" | sed -n 's/^[0-9a-f]* [A-Z] //p' | sort > "$work/static"
for kind in shared static; do
  diff "$work/declared" "$work/$kind" > "$work/diff" || complain "$kind: not the functions of the header: $(cat "$work/diff")"
done

# No memory, no files, no environment, no threads: only string.h and what compilers add.
harmless='bcmp|mem(r?chr|cmp|cpy|move|set)|str(chr|len)|__(memcpy|memmove|memset)_chk|__stack_chk_fail|__cpu_model'
harmless+='|_GLOBAL_OFFSET_TABLE_|_ITM_(de)?registerTMCloneTable|__cxa_finalize|__gmon_start__'
for file in "$shared" "$static"; do
  dynamic=
  [ "$file" = "$static" ] || dynamic=-D
  needs=$(nm $dynamic --undefined-only "$file" | sed -n 's/.* [Uw] //p' | sed 's/@.*//' | grep -vxE "$harmless" || true)
  [ -z "$needs" ] || complain "${file##*/} needs $needs"
done
# Nothing that could be written to, but for what compilers add: no state.
state=$(nm "$static" | grep -E ' [bBdDC] ' | while read -r _ _ name; do
  objdump -t "$static" | grep -E "[[:space:]]$name\$" | grep -vE '\.data\.rel\.ro|\.rodata' || true; done)
[ -z "$state" ] || complain "there is state: $state"
readelf -d "$shared" | grep -q 'SONAME.*\[libctvigil-parser.so.0\]' || complain "the soname is not libctvigil-parser.so.0"
[ "$(readelf -d "$shared" | grep -c NEEDED)" = 1 ] || complain "needs more than libc: $(readelf -d "$shared" | grep NEEDED)"

# The example of the manual.
page=$(find "$prefix" -name libctvigil-parser.3)
sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$page" | sed '1,/^\.Bd/d; /^\.Ed/d; s/\\e/\\/g' > "$work/example.c"
grep -q ctvigil_cert_read "$work/example.c" || complain "the example is not found in $page"
export PKG_CONFIG_PATH=$libdir/pkgconfig
flags=$(pkg-config --cflags libctvigil-parser)
libs=$(pkg-config --libs libctvigil-parser)
cat > "$work/want" << 'WANT'
subject CN=www.example.org,O=Example Org,C=DE
name www.example.org
name *.example.org
WANT

# use NAME COMMAND...: a compiler, its options, and the libraries.
use() {
  local name=$1
  shift
  "$@" -o "$work/$name" || { complain "$name: does not compile: $*"; return; }
  LD_LIBRARY_PATH=$libdir "$work/$name" tests/corpus/tbs/final.der > "$work/out" || complain "$name: ended with $?"
  diff "$work/want" "$work/out" > "$work/diff" || complain "$name: printed something else: $(cat "$work/diff")"
  LD_LIBRARY_PATH=$libdir "$work/$name" tests/corpus/tbs/cut.der > "$work/out" && complain "$name: no findings in cut.der"
  grep -q 'odd: ' "$work/out" || complain "$name: finds nothing in cut.der"
}

strict='-Wall -Wextra -pedantic -Werror'
use c99 "$CC" -std=c99 $strict $flags "$work/example.c" $libs
use static "$CC" -std=c11 $strict $flags "$work/example.c" $libs -static
use archive "$CC" -std=c11 -flto $flags "$work/example.c" "$static"
for cxx in c++ g++ clang++ clang++-14; do
  if command -v "$cxx" > /dev/null; then break; fi
  cxx=
done
if [ -n "$cxx" ]; then
  use cxx "$cxx" -std=c++11 $strict $flags -x c++ "$work/example.c" -x none $libs
  use cxx_static "$cxx" -std=c++17 $strict $flags -x c++ "$work/example.c" -x none $libs -static
else
  echo "lib: no C++ compiler, the example was not tried in C++" >&2
fi

exit $failed
