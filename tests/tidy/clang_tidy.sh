#!/bin/bash
# clang-tidy with the checks of .clang-tidy over the product sources that changed in the last commits or are not
# committed yet; CTVIGIL_TIDY_ALL=1: over all of them.
set -eu
commits=8
files_max=40
: "${CTVIGIL_BUILD:?names the build folder}"

for name in clang-tidy-14 clang-tidy; do
  if command -v "$name" > /dev/null; then tool=$name; break; fi
done
[ -n "${tool:-}" ] || { echo "clang_tidy: skipped, clang-tidy is not installed" >&2; exit 77; }

folders=$(sed -n 's/^room(\([a-z]*\).*/\1/p' CMakeLists.txt)
[ -n "$folders" ] || { echo "clang_tidy: no room in CMakeLists.txt" >&2; exit 1; }
folders+=" tests/fake"

# Changed sources and, for a changed header, the source of the same stem; the newest first.
changed() {
  local from file
  from=$(git rev-parse -q --verify "HEAD~$commits^{commit}" || git hash-object -t tree /dev/null)
  { git diff --relative --name-only "$from" -- $folders
    git ls-files --others --exclude-standard -- $folders; } | sed -n 's/\.[ch]$/.c/p' | sort -u |
    while read -r file; do [ ! -e "$file" ] || echo "$file"; done | xargs -r ls -t
}

if [ "${CTVIGIL_TIDY_ALL:-0}" = 1 ]; then
  files=$(for folder in $folders; do find "$folder" -maxdepth 1 -name '*.c'; done)
  [ -n "$files" ] || { echo "clang_tidy: no sources in $folders" >&2; exit 1; }
else
  why=$(git rev-parse -q --verify 'HEAD^{commit}' 2>&1) ||
    { echo "clang_tidy: skipped, no git history tells what changed (CTVIGIL_TIDY_ALL=1 checks all): $why" >&2; exit 77; }
  files=$(changed)
  [ -n "$files" ] || { echo "clang_tidy: no product source changed"; exit 0; }
  count=$(wc -l <<< "$files")
  if [ "$count" -gt "$files_max" ]; then
    echo "clang_tidy: $count sources changed, the $files_max newest are checked (CTVIGIL_TIDY_ALL=1 checks all)"
    files=$(head -n "$files_max" <<< "$files")
  fi
fi

# The folder of clang's own build speaks its options; it may be older than a file.
commands=$CTVIGIL_BUILD/compile_commands.json
[ -e "$commands" ] || { echo "clang_tidy: no $commands" >&2; exit 1; }
beside=$CTVIGIL_BUILD/../clang/compile_commands.json
if [ -e "$beside" ] && ! sed "s|.*|\"$PWD/&\"|" <<< "$files" | while read -r file; do
    grep -qF "$file" "$beside" || echo "$file"; done | grep -q .; then
  commands=$beside
fi

# What gcc instruments with is not clang's business.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed -E 's/ (-f(no-)?(sanitize|analyzer|profile|test-coverage)|--coverage)[^ "]*//g' "$commands" \
  > "$scratch/compile_commands.json"

export tool scratch
check='out=$("$tool" --quiet -p "$scratch" --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-Wno-ignored-optimization-argument --extra-arg=-Qunused-arguments "$1" 2>&1) ||
  { printf "clang_tidy: %s\n%s\n" "$1" "$out" >&2; exit 1; }'
xargs -P "$(nproc)" -n 1 bash -c "$check" check <<< "$files" || exit 1
echo "clang_tidy: $(wc -l <<< "$files") sources checked with $commands"
