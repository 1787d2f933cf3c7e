#!/usr/bin/env bash
# Memory of an ingester that follows 40 logs, half of them RFC 6962, half static-ct, on eight hosts.
#
#   bench_memory.sh [LOGS] [ENTRIES]    40 logs of 8192 entries; needs root and the release build
#
# Three looks, in MB: the peak while it reads the backlog of all of them at once, what is resident when it has caught up,
# and that again after a restart with nothing to read. Goal: 96 MB. Floor: 256 MB.
. "$(dirname "$0")/site.bash"
LOGS=${1:-40}
ENTRIES=${2:-8192}
WAIT_S=600

# field NAME: of /proc/PID/status, in MB; NAME may be several fields to be added.
field() { awk -v name="^($1):" '$0 ~ name { kb += $2 } END { printf "%.1f", kb / 1024 }' "/proc/$PID/status"; }

start() {
  rm -f "$SITE/ingest.cost"
  ctv_run "$SITE/ingest.cost" ingest >"$SITE/ingest.log" 2>&1 &
  until [ -s "$SITE/ingest.cost.pid" ]; do sleep 0.1; done
  PID=$(cat "$SITE/ingest.cost.pid")
}

stop() {
  kill "$PID"
  wait || true
}

look() {
  printf '%-34s %8s %8s %8s %8s\n' "$1" "$(field VmHWM)" "$(field VmRSS)" "$(field RssAnon)" "$(field 'RssFile|RssShmem')"
}

site_begin
for i in $(seq "$LOGS"); do site_log "log$i" "$ENTRIES" "$i"; done
site_serve
site_db bench
for i in $(seq "$LOGS"); do
  protocol=rfc6962
  if [ $((i % 2)) = 0 ]; then protocol=static-ct; fi
  ctv_add "log$i" "log$i" $protocol $((i / 2 % HOSTS + 1))
done
start
until=$((SECONDS + WAIT_S))
until [ "$(ctv log status --json | jq -s --argjson n "$ENTRIES" 'map(select(.verified_size >= $n)) | length')" = "$LOGS" ]; do
  kill -0 "$PID" 2>/dev/null || { cat "$SITE/ingest.log" >&2; site_fail "the ingester ended"; }
  [ $SECONDS -lt $until ] || { ctv log status >&2; site_fail "not all logs were read"; }
  sleep 1
done
printf '%s logs, %s entries\n%-34s %8s %8s %8s %8s\n' "$LOGS" $((LOGS * ENTRIES)) "MB (goal 96, floor 256)" \
  peak resident heap files
look "after the backlog of all"
sleep 5
look "five seconds later, caught up"
stop
start
sleep 8
look "restarted, nothing to read"
stop
