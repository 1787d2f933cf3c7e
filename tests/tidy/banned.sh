#!/bin/bash
# Calls that have no safe use, SQL where it does not belong, allocation in the parser, and promises to do it later.
set -eu
rooms=$(sed -n 's/^room(\([a-z]*\).*/\1/p' CMakeLists.txt)
[ -n "$rooms" ] || { echo "banned: no room in CMakeLists.txt" >&2; exit 1; }
failed=0

# refuse SENTENCE: what grep found on standard input.
refuse() {
  local found
  found=$(cat)
  [ -n "$found" ] || return 0
  echo "$found" | sed "s|^|banned: $1: |" >&2
  failed=1
}

calls='strcpy|strcat|stpcpy|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|v?f?s?scanf|alloca'
calls+='|gmtime|localtime|localtime_r|asctime|ctime|mktime|strdupa|tmpnam|mktemp|rand|srand|system|popen'
refuse 'banned function' < <(grep -rnE --include='*.[ch]' --exclude=banned.h "(^|[^a-zA-Z0-9_\">.])($calls) *\(" $rooms || true)

calls='strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|v?f?s?scanf|tmpnam|mktemp'
refuse 'banned function' < <(grep -rnE --include='*.[ch]' "(^|[^a-zA-Z0-9_\">.])($calls) *\(" tests bench || true)

refuse 'allocation in parser' < <(
  grep -nE '(^|[^a-zA-Z0-9_])(m|c|re)alloc *\(|(^|[^a-zA-Z0-9_])(strdup|free) *\(' parser/*.[ch] 2> /dev/null || true)

sql='"[^"]*\b(SELECT [^"]*\bFROM|INSERT INTO|DELETE FROM|UPDATE [a-z_]+ SET|CREATE (TABLE|INDEX|VIEW|FUNCTION)|ALTER TABLE)\b'
for room in $rooms; do
  [ "$room" != db ] || continue
  refuse 'SQL outside db and sql' < <(grep -rnE --include='*.[ch]' "$sql" "$room" || true)
done

refuse 'unfinished' < <(
  grep -rnwE 'TODO|FIXME|XXX|HACK' --include='*.[ch]' --include='*.def' --include='*.sql' --include='*.sh' --include='*.md' \
    --include='*.cmake' --include=CMakeLists.txt --include='*.bats' --exclude-dir='build*' --exclude=banned.sh . || true)
exit $failed
