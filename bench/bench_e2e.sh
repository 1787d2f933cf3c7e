#!/usr/bin/env bash
# CPU seconds per entry from a log behind TLS to what is stored, against certspotter in the same run, both protocols.
#
#   bench_e2e.sh [ENTRIES] [ROUNDS]     131072 entries, 3 rounds; needs root and the release build
#   CERTSPOTTER=/path/to/certspotter    else the one in PATH; without any, its column says "not measured"
#
# Both read the same files from the same nginx, verify every entry against the signed root and match two watched
# domains. What is counted is user + system time of the reading process, from start to end. ctvigil stores everything in
# PostgreSQL as well, certspotter nothing: PostgreSQL's own time is shown apart. nginx sends what the files hold, without
# compression. Rounds take turns; the table has the median, and the range in brackets.
. "$(dirname "$0")/site.bash"
ENTRIES=${1:-131072}
ROUNDS=${2:-3}
PEER=${CERTSPOTTER:-$(command -v certspotter || true)}
PEER_WAIT_S=600
if [ -n "$PEER" ] && ! [ -x "$PEER" ]; then site_fail "CERTSPOTTER: $PEER is no program"; fi

# Both protocols have their own field for logs in a log list.
peer_list() {
  jq --arg url "$URL/one" --arg kind "$1" '
    {description: "bench", log_id, key, mmd: 86400, state: {usable: {timestamp: "2024-01-01T00:00:00Z"}}} as $log |
    {version: "1.0", log_list_timestamp: "2024-01-01T00:00:00Z", operators: [{name: "bench", email: [],
      logs: (if $kind == "rfc6962" then [$log + {url: ($url + "/rfc/")}] else [] end),
      tiled_logs: (if $kind == "rfc6962" then [] else
        [$log + {submission_url: "https://bench.example/one/", monitoring_url: ($url + "/static/")}] end)}]}' \
    "$SITE/one.json" >"$SITE/list.json"
}

# Its size and root, once it has verified all of the log.
peer_done() {
  local file
  file=$(find "$SITE/peer" -name state.json | head -n 1)
  [ -n "$file" ] && jq -er --argjson size "$ENTRIES" '
    select((.verified_position.size // .verifiedPosition.size) >= $size) | .verified_sth.sha256_root_hash' "$file" 2>/dev/null
}

# peer_run PROTOCOL ROUND: appends CPU seconds; false: this release does not read such logs.
peer_run() {
  local until=$((SECONDS + PEER_WAIT_S)) root
  peer_list "$1"
  rm -rf "$SITE/peer" "$SITE/peer.cost"
  mkdir "$SITE/peer"
  "$RUSAGE" "$SITE/peer.cost" "$PEER" -logs "$SITE/list.json" -watchlist "$SITE/watch" -state_dir "$SITE/peer" -no_save \
    -stdout -start_at_end=false -verbose >"$SITE/peer.log" 2>&1 &
  until root=$(peer_done); do
    [ -e "$SITE/peer.cost" ] && { cat "$SITE/peer.log" >&2; site_fail "certspotter ended"; }
    if grep -q 'fetched 0 logs' "$SITE/peer.log"; then
      kill "$(cat "$SITE/peer.cost.pid")"
      wait
      return 1
    fi
    [ $SECONDS -lt $until ] || { tail "$SITE/peer.log" >&2; site_fail "certspotter did not come to its end"; }
    sleep 0.5
  done
  kill "$(cat "$SITE/peer.cost.pid")"
  wait
  echo "$root" >"$SITE/peer-$1.root"
  cat "$SITE/peer.cost" >>"$SITE/peer-$1.costs"
}

# ours_run PROTOCOL ROUND: a database of its own each time, so that every round stores the same.
ours_run() {
  local before after
  site_db "${1//-/}_$2"
  ctv_add one one "$1"
  while read -r domain; do ctv domain add "$domain" >/dev/null; done <"$SITE/watch"
  before=$(site_pg_cpu)
  ctv_run "$SITE/ours.cost" ingest --once 2>"$SITE/ours.log" || { cat "$SITE/ours.log" >&2; site_fail "ctvigil ended"; }
  after=$(site_pg_cpu)
  paste -d ' ' "$SITE/ours.cost" <(awk "BEGIN { print $after - $before }") >>"$SITE/ours-$1.costs"
  ctv_root one >"$SITE/ours-$1.root"
  psql -qX "$("$CTVIGIL" --state-dir "$STATE" db dsn)" -c "DROP DATABASE ${1//-/}_$2"
}

# figure FILE EXPRESSION: median, lowest and highest of the rounds in microseconds per entry.
figure() {
  awk -v n="$ENTRIES" "{ print ($2) * 1e6 / n }" "$1" | sort -g |
    awk '{ v[NR] = $1 } END { printf "%.2f [%.2f-%.2f]", v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# row PROTOCOL FLOOR GOAL
row() {
  local peer="not measured" ours ratio=- root=-
  ours=$(figure "$SITE/ours-$1.costs" '$1 + $2')
  if [ -e "$SITE/peer-$1.costs" ]; then
    peer=$(figure "$SITE/peer-$1.costs" '$1 + $2')
    ratio=$(awk "BEGIN { printf \"%.1fx\", ${peer%% *} / ${ours%% *} }")
    root=$(cmp -s "$SITE/peer-$1.root" "$SITE/ours-$1.root" && echo "the same" || echo "NOT the same")
  fi
  printf '%-10s  %-22s  %-20s  %6s  %5s  %5s  %-20s  %-9s  %s\n' "$1" "$peer" "$ours" "$ratio" "$2" "$3" \
    "$(figure "$SITE/ours-$1.costs" '$6')" "$root" "$(cat "$SITE/ours-$1.root")"
}

site_begin
printf '.nothing-here.example\n.quiet.example\n' >"$SITE/watch"
site_log one "$ENTRIES" 1
site_serve
version="none"
if [ -n "$PEER" ]; then version=$("$PEER" -version 2>&1 | head -n 1 | tr -d "?"); fi
printf 'log: %s entries, %s bytes an entry as JSON, %s as tiles; peer: %s\n' "$ENTRIES" \
  "$(($(cat "$SITE"/www/one/rfc/page/* | wc -c) / ENTRIES))" \
  "$(($(find "$SITE/www/one/static/tile/data" -type f -exec cat {} + | wc -c) / ENTRIES))" "$version"
for round in $(seq "$ROUNDS"); do
  for protocol in rfc6962 static-ct; do
    if [ -n "$PEER" ] && ! [ -e "$SITE/no-$protocol" ]; then peer_run $protocol || touch "$SITE/no-$protocol"; fi
    ours_run $protocol "$round"
  done
done
echo "CPU microseconds an entry"
printf '%-10s  %-22s  %-20s  %6s  %5s  %5s  %-20s  %-9s  %s\n' protocol certspotter ctvigil ratio floor goal \
  "PostgreSQL, apart" roots verified
row rfc6962 6x 12x
row static-ct 8x 16x
for file in ours peer; do
  for protocol in rfc6962 static-ct; do
    if [ -e "$SITE/$file-$protocol.costs" ]; then
      awk -v n="$ENTRIES" -v who="$file $protocol" '{ wall += $3; if ($4 > kb) kb = $4 } END {
        printf "%s: %.0f entries/s of wall clock, at most %.0f MB resident\n", who, n * NR / wall, kb / 1024 }' \
        "$SITE/$file-$protocol.costs"
    fi
  done
done
