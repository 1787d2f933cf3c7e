#!/usr/bin/env bash
# Calls of malloc, calloc and realloc per entry in steady state, of the whole ingest process with libcurl, libpq,
# Jansson and libcrypto, both protocols.
#
#   bench_alloc.sh [FEWER] [MORE]       16384 and 131072 entries; needs root and the release build
#
# Two runs over logs of different length; what the longer one calls more often, divided by the entries it has more, is
# the steady state: what is made once at the start falls out, as far as it is the same twice (libcrypto checks CA
# certificates then, in one run more than in another: its figure is good to 0.1). Goal: 0. Floor: 0.1.
. "$(dirname "$0")/site.bash"
FEWER=${1:-16384}
MORE=${2:-131072}
SHOWN=8

# tally PROTOCOL LOG: the table of one run into $SITE/LOG.tally.
tally() {
  site_db "$2"
  ctv_add "$2" "$2" "$1"
  ALLOCTALLY_FILE=$SITE/$2.tally PRELOAD=$CTVIGIL_BUILD/bench/alloctally.so \
    ctv_run "$SITE/$2.cost" ingest --once 2>"$SITE/$2.log" || { cat "$SITE/$2.log" >&2; site_fail "ctvigil ended"; }
  psql -qX "$("$CTVIGIL" --state-dir "$STATE" db dsn)" -c "DROP DATABASE $2"
}

# What is between the two tables: by object with $1 = object, by place with $1 = place.
difference() {
  awk -v by="$1" -v more=$((MORE - FEWER)) '
    function key(text) { if (by == "object") sub(/\+0x.*/, "", text); sub(/.*\//, "", text); return text }
    $3 == "total" && by != "total" { next }
    $3 != "total" && by == "total" { next }
    FNR == NR { calls[key($3)] -= $1; bytes[key($3)] -= $2; next }
    { calls[key($3)] += $1; bytes[key($3)] += $2; symbol[key($3)] = $4 }
    END {
      for (at in calls)
        if (calls[at] > more / 100000 || calls[at] < -more / 100000)
          printf "%12.5f %12.1f  %s%s\n", calls[at] / more, bytes[at] / more, at, by == "place" ? " " symbol[at] : ""
    }' "$SITE/few.tally" "$SITE/many.tally" | sort -rg
}

site_begin
site_log few "$FEWER" 1
site_log many "$MORE" 2
site_serve
for protocol in rfc6962 static-ct; do
  tally $protocol few
  tally $protocol many
  printf '%s\n%12s %12s  %s\n' "$protocol" "calls/entry" "bytes/entry" "(goal 0, floor 0.1)"
  difference total
  difference object
  echo "by place:"
  difference place | head -n $SHOWN
done
