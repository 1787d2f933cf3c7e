#!/usr/bin/env bash
# A long run: does memory stay flat, and do position, tiles and roll-ups still say the same at its end?
#
#   bench_long.sh [--large]             200000 entries; --large: 2 million (20 GB of room, most of an hour)
#   bench_long.sh ENTRIES
#
# One log, half of the way as RFC 6962 and, from a second log over the same entries, as static-ct; the memory of the reading
# process is looked at after each quarter. Ends with 1 when a count differs or memory grew by more than a tenth between the
# first quarter and the last.
. "$(dirname "$0")/site.bash"
ENTRIES=${1:-200000}
if [ "$ENTRIES" = --large ]; then ENTRIES=2000000; fi
QUARTERS=4
PROTOCOLS="rfc6962 static-ct"

ask() { psql -qXAt "$DSN" -c "$1"; }

resident() { awk '/^VmRSS:/ { printf "%d", $2 }' "/proc/$PID/status"; }

# follow NAME: reads the log to its end and prints the memory at every quarter of it.
follow() {
  local quarter=1 kb position first=0
  ctv_run "$SITE/long.cost" ingest --once --log "$1" >"$SITE/long.log" 2>&1 &
  until [ -s "$SITE/long.cost.pid" ]; do sleep 0.1; done
  PID=$(cat "$SITE/long.cost.pid")
  while [ -d "/proc/$PID" ] && [ $quarter -lt $QUARTERS ]; do
    sleep 0.2
    position=$(ask "SELECT sum(r.next - r.range_begin) FROM log_range AS r JOIN log AS l ON l.id = r.log WHERE l.name = '$1'")
    [ "$position" -ge $((ENTRIES * quarter / QUARTERS)) ] || continue
    kb=$(resident 2>/dev/null || true)
    [ -n "$kb" ] || break
    if [ $quarter = 1 ]; then first=$kb; fi
    printf '%-10s %9d entries  %7.1f MB resident\n' "$1" "$position" "$(awk "BEGIN { print $kb / 1024 }")"
    quarter=$((quarter + 1))
  done
  wait || { cat "$SITE/long.log" >&2; site_fail "the ingester ended"; }
  read -r user system wall kb _ <"$SITE/long.cost"
  printf '%-10s %9d entries  %7.1f MB at most; %.0f entries/s, %.1f us of CPU an entry\n' "$1" "$ENTRIES" \
    "$(awk "BEGIN { print $kb / 1024 }")" "$(awk "BEGIN { print $ENTRIES / $wall }")" \
    "$(awk "BEGIN { print ($user + $system) * 1e6 / $ENTRIES }")"
  if [ "$first" -gt 0 ] && [ "$kb" -gt $((first * 11 / 10)) ]; then
    echo "$1: memory GREW by more than a tenth"
    failed=1
  fi
}

# same WHAT A B
same() {
  if [ "$2" = "$3" ]; then echo "$1: $2, the same"; else echo "$1: $2 and $3, NOT the same"; failed=1; fi
}

failed=0
site_begin $((ENTRIES * 10))
site_log long "$ENTRIES" 1
site_serve
site_db bench
for protocol in $PROTOCOLS; do ctv_add $protocol long $protocol; done
for protocol in $PROTOCOLS; do
  follow $protocol
  same "$protocol: entries of the log and verified ones" "$ENTRIES" "$(ask "SELECT sum(r.verified - r.range_begin)
    FROM log_range AS r JOIN log AS l ON l.id = r.log WHERE l.name = '$protocol'")"
  same "$protocol: entries of the log and of the tiles" "$ENTRIES" "$(ask "SELECT sum(cardinality(t.fp8)) FROM log_tile AS t
    JOIN log AS l ON l.id = t.log WHERE l.name = '$protocol'")"
done
same "certificates and their count by issuer and day" "$(ask 'SELECT count(*) FROM cert')" \
  "$(ask 'SELECT sum(n)::int8 FROM issued')"
exit $failed
