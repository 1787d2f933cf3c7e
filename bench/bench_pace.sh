#!/usr/bin/env bash
# How much of what an operator allows is used, and how much is asked in vain: one ctvigil process reads simulated logs of
# all operators at once (ctvigil-logsim --operator), as fast as it dares.
#
#   bench_pace.sh [--seed N] [SECONDS] [SETTLE] [OPERATOR]...     30 s are measured after 30 s of finding out; all
#                                                                 operators; other entries with another N (0)
#
# The counts are the simulators' own, second by second. Pages of DigiCert's are 8 and Sectigo's 32 instead of 256 here, and
# Skylight's time runs at a fifth, so that requests are what is measured and not the making of certificates. Google has
# two shards with one budget. A log without a known limit (Cloudflare) has no row.
set -euo pipefail
shopt -s inherit_errexit
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CTVIGIL_BUILD=${CTVIGIL_BUILD:-$TOP/build/release}
CTVIGIL=$CTVIGIL_BUILD/ctvigil
LOGSIM=$CTVIGIL_BUILD/ctvigil-logsim
SEED=0
if [ "${1:-}" = --seed ]; then
  SEED=${2:?--seed N}
  shift 2
fi
MEASURE=${1:-30}
SETTLE=${2:-30}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- google digicert sectigo trustasia skylight
unset CTVIGIL_STATE_DIR CTVIGIL_DB_DSN STATE_DIRECTORY XDG_STATE_HOME http_proxy https_proxy all_proxy HTTP_PROXY \
  HTTPS_PROXY ALL_PROXY
export LC_ALL=C.UTF-8 TZ=UTC CTVIGIL_INGEST_LOG_LIST=none CTVIGIL_SAY_LEVEL=${CTVIGIL_SAY_LEVEL:-error}
CONNECTIONS=${CTVIGIL_INGEST_CONNECTIONS:-6}

fail() { echo "$(basename "$0"): $*" >&2; exit 4; }

for tool in jq curl; do command -v $tool >/dev/null || fail "$tool is missing"; done
base=${TMPDIR:-/tmp}
[ -w /dev/shm ] && [ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -gt 4000000 ] && base=/dev/shm
WORK=$(mktemp -d "$base/ctvigil-bench.XXXXXX")
chmod 755 "$WORK"
STATE=$WORK/state
PIDS=()

finish() {
  local pid
  for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  "$CTVIGIL" --state-dir "$STATE" db stop >/dev/null 2>&1 || true
  rm -rf "$WORK"
}
trap finish EXIT

# Requests per second, what they are counted by, and options of the simulator. One line for each operator.
operator() {
  case $1 in
    google) echo 13 address rfc6962 "argon xenon" ;;
    digicert) echo $((5 * CONNECTIONS)) "$CONNECTIONS-connections" rfc6962 wyvern --limit page:8 ;;
    sectigo) echo 30 address rfc6962 elephant --limit page:32:edge ;;
    trustasia) echo 8 address "$TRUSTASIA" hetu ;;
    skylight) echo 15 all-anonymous static-ct tuscolo --limit-scale 0.2 ;;
    *) fail "no operator \"$1\"" ;;
  esac
}

# The one that serves tiles beside get-entries is read as such where that is known.
TRUSTASIA=rfc6962
! "$CTVIGIL" log add --help 2>&1 | grep -q hybrid || TRUSTASIA=hybrid
GROUPED=false
! "$CTVIGIL" log add --help 2>&1 | grep -q -- --operator || GROUPED=true

# simulate OPERATOR: its shards; appends what `log add` needs to $WORK/logs.
simulate() {
  local rate unit protocol shards shard entries options wide more
  read -r rate unit protocol shards <<<"$(operator "$1" | tr -d '"')"
  options=${shards#* --}
  [ "$options" = "$shards" ] && options= || options=--$options
  shards=${shards%% --*}
  # New connections are new budgets: where they are what is counted, more than "all" can come.
  wide=256 more=1.3
  [ "$protocol" != rfc6962 ] || wide=32
  [ "$1" != digicert ] || wide=8 more=5
  entries=$(awk -v rate="$rate" -v s=$((MEASURE + SETTLE + 5)) -v wide=$wide -v more=$more \
    'BEGIN { print int(more * rate * s * wide) + 1000 }')
  for shard in $shards; do
    # shellcheck disable=SC2086
    "$LOGSIM" --operator "$1" --limit-share "$WORK/$1.budget" --entries "$entries" --seed $((100 * SEED + ${#PIDS[@]})) $options \
      >"$WORK/$shard.ready" 2>"$WORK/$shard.err" &
    PIDS+=($!)
    echo "$1 $shard $protocol" >>"$WORK/logs"
  done
}

add_logs() {
  local who shard protocol url grouped
  while read -r who shard protocol; do
    until grep -q '}' "$WORK/$shard.ready"; do
      [ ! -s "$WORK/$shard.err" ] || fail "$(cat "$WORK/$shard.err")"
      sleep 0.2
    done
    url=.url
    grouped=()
    [ "$protocol" = static-ct ] && url=.static_url
    ! $GROUPED || grouped=(--operator "$who")
    [ "$protocol" = static-ct ] && grouped+=(--submission-url "$(jq -r .submission_url "$WORK/$shard.ready")")
    "$CTVIGIL" --state-dir "$STATE" log add "$shard" --protocol "$protocol" --url "$(jq -r $url "$WORK/$shard.ready")" \
      --key "$(jq -r .key "$WORK/$shard.ready")" "${grouped[@]}" >/dev/null
    curl -sS --noproxy '*' -d '{"counts":"zero"}' "$(jq -r .control "$WORK/$shard.ready")" >/dev/null
  done <"$WORK/logs"
}

# row OPERATOR: what its first simulator counted, which is what all of them did.
row() {
  local rate unit rest shard
  read -r rate unit rest <<<"$(operator "$1")"
  shard=$(awk -v who="$1" '$1 == who { print $2; exit }' "$WORK/logs")
  curl -sS --noproxy '*' "$(jq -r .control "$WORK/$shard.ready")" >"$WORK/$shard.counts"
  [ -z "${BENCH_PACE_WINDOWS:-}" ] || jq -c .limits.windows "$WORK/$shard.counts" >&2
  jq -r --arg who "$1" --arg unit "${unit//-/ }" --argjson rate "$rate" --argjson from "$SETTLE" --argjson count "$MEASURE" '
    .limits.windows[$from:$from + $count] as $w | ($w | length) as $n | ($w | map(.[0]) | add // 0) as $asked |
    ($w | map(.[1]) | add // 0) as $good | (.limits.all) as $all |
    [$who, "\($rate) per \($unit)", ($good / ([$n, 1] | max)), (100 * $good / ($rate * ([$n, 1] | max))),
     (if $asked > 0 then 100 * ($asked - $good) / $asked else 100 end),
     (if $all[0] > 0 then 100 * $all[2] / $all[0] else 0 end)] | @tsv' "$WORK/$shard.counts" |
    awk -F '\t' '{ printf "%-10s %-22s %8.1f %8.1f %% %9.1f %% %12.1f %%   %s\n", $1, $2, $3, $4, $5, $6,
                   ($4 >= 90 && $5 < 2) ? "reached" : "MISSED" }'
}

"$CTVIGIL" --state-dir "$STATE" db start >/dev/null
: >"$WORK/logs"
for who in "$@"; do simulate "$who"; done
add_logs
"$CTVIGIL" --state-dir "$STATE" ingest >"$WORK/ingest.out" 2>"$WORK/ingest.err" &
PIDS+=($!)
sleep $((MEASURE + SETTLE + 1))
kill -0 "${PIDS[-1]}" 2>/dev/null || { cat "$WORK/ingest.err" >&2; fail "ctvigil ended"; }

echo "pace: $MEASURE s after $SETTLE s; floors: at least 90 % of what is allowed, less than 2 % refused"
printf '%-10s %-22s %8s %10s %11s %14s\n' operator 'allowed per second' reached '' refused 'from the start'
for who in "$@"; do row "$who"; done
"$CTVIGIL" --state-dir "$STATE" log status --json |
  jq -r 'select(.backlog == 0) | "\(.name) was read to its end: its figures are too low"'
