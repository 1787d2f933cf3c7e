#!/bin/bash
# Every row of a .def file has a sentence and is in the manual: by its own words, or by the tables that the build
# makes from the rows.
set -eu
shopt -s nullglob
pages=(docs/man/* docs/*.md "${CTVIGIL_BUILD:?names the build folder}"/docs/man/*)
manual=$(mktemp)
trap 'rm -f "$manual"' EXIT
cat "${pages[@]}" > "$manual"
failed=0
rows=0

complain() {
  echo "defs: $*" >&2
  failed=1
}

# rows_of FILE MACRO: the rows, one a line; a row is one line and ends with its sentence.
rows_of() {
  grep -E "^$2\(" "$1" || true
}

# check FILE ROW WORD
check() {
  rows=$((rows + 1))
  [[ $2 =~ ,\ *\"[^\"]*[a-zA-Z]{2}[^\"]*\"\)$ ]] || complain "$1: $3 does not end with a sentence"
  grep -qwF -- "$3" "$manual" || complain "$1: $3 is in no page of docs/man or docs (is the manual built?)"
}

name_of() { # the first argument of X(...), in lower case
  local name=${1#X(}
  name=${name%%,*}
  echo "${name,,}"
}

while read -r row; do
  section=${row#CONF_KEY(}
  key=${section#*, }
  check base/conf.def "$row" "${section%%,*}.${key%%,*}"
done < <(rows_of base/conf.def CONF_KEY)
while read -r row; do check base/metric.def "$row" "ctvigil_$(name_of "$row")"; done < <(rows_of base/metric.def X)
while read -r row; do check base/err.def "$row" "$(name_of "$row")"; done < <(rows_of base/err.def X)
while read -r row; do check model/finding.def "$row" "$(name_of "$row")"; done < <(rows_of model/finding.def X)
while read -r row; do check model/alert.def "$row" "$(name_of "$row")"; done < <(rows_of model/alert.def X)

[ $rows -gt 50 ] || complain "only $rows rows found: has the form of the .def files changed?"
exit $failed
