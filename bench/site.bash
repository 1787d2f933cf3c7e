# What the benchmarks over TLS share; they begin with: . "$(dirname "$0")/site.bash"
#
# A made log is taken from the simulator request by request and put down as files: get-entries pages of 256, hash and
# data tiles, head, checkpoint, issuers, all with real signatures. nginx serves them over TLS (ECDSA P-256, HTTP/1.1,
# kept connections) with a certificate of a CA made for the occasion. ctvigil is told nothing of it: it runs in a mount
# name space of its own in which that CA is the machine's bundle, so what is measured is what users get.
# shellcheck shell=bash
set -euo pipefail
shopt -s inherit_errexit
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CTVIGIL_BUILD=${CTVIGIL_BUILD:-$TOP/build/release}
CTVIGIL=$CTVIGIL_BUILD/ctvigil
RUSAGE=$CTVIGIL_BUILD/bench/rusage
PAGE=256
HOSTS=8 # addresses of the server; a log operator's shards share one
unset CTVIGIL_STATE_DIR CTVIGIL_DB_DSN STATE_DIRECTORY XDG_STATE_HOME http_proxy https_proxy all_proxy HTTP_PROXY \
  HTTPS_PROXY ALL_PROXY
export LC_ALL=C.UTF-8 TZ=UTC CTVIGIL_INGEST_LOG_LIST=none CTVIGIL_SAY_LEVEL=${CTVIGIL_SAY_LEVEL:-warn}

site_fail() { echo "$(basename "$0"): $*" >&2; exit 4; }

# site_begin [KB]: makes the folder, in memory where there is room for twice as much: making a database is mostly waiting
# for the disk.
site_begin() {
  local base=${TMPDIR:-/tmp} need=${1:-4000000} free memory tool
  for tool in nginx jq curl openssl unshare psql; do
    command -v "$tool" >/dev/null || site_fail "$tool is missing; ops/bench installs it"
  done
  unshare -m true 2>/dev/null || site_fail "needs root, to make a mount name space"
  free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
  memory=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
  if [ -w /dev/shm ] && [ "${free:-0}" -gt "$need" ] && [ "$memory" -gt $((2 * need)) ]; then base=/dev/shm; fi
  SITE=$(mktemp -d "$base/ctvigil-bench.XXXXXX")
  STATE=$SITE/state
  chmod 755 "$SITE"
  trap site_end EXIT
}

site_end() {
  local file
  for file in "$SITE"/*.pid; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
  if [ -e "$STATE/pg" ]; then "$CTVIGIL" --state-dir "$STATE" db stop >/dev/null 2>&1 || true; fi
  rm -rf "$SITE"
}

# Path of a tile, as tlog-tiles says: 1234067 is x001/x234/067.
SITE_TILES='function path(n,   out) {
  out = sprintf("%03d", n % 1000)
  for (n = int(n / 1000); n > 0; n = int(n / 1000)) out = sprintf("x%03d/", n % 1000) out
  return out
}
function get(url, file) { printf "url = \"%s\"\noutput = \"%s\"\n", url, file }
function tiles(kind, count,   i) {
  for (i = 0; i < int(count / 256); i++) get(from "/tile/" kind "/" path(i), to "/tile/" kind "/" path(i))
  if (count % 256) get(from "/tile/" kind "/" path(i) ".p/" count % 256, to "/tile/" kind "/" path(i) ".p/" count % 256)
}'

# site_log NAME ENTRIES SEED: a log as files below $SITE/www/NAME; its ready line stays in $SITE/NAME.json. Everything
# about it follows from the seed but signatures and times.
site_log() {
  local name=$1 entries=$2 ready=$SITE/$1.json url static der www=$SITE/www/$1
  mkdir -p "$www/rfc/page" "$www/rfc/ct/v1" "$www/static/issuer" "$SITE/ca"
  "$CTVIGIL_BUILD/ctvigil-logsim" --entries "$entries" --seed "$3" --origin "bench.example/$name" --ca-dir "$SITE/ca" \
    --identity --page $PAGE >"$ready" 2>"$SITE/$name.log" &
  echo $! >"$SITE/$name.sim.pid"
  until grep -qs '}' "$ready"; do
    kill -0 $! 2>/dev/null || site_fail "the simulator ended: $(cat "$SITE/$name.log")"
    sleep 0.1
  done
  url=$(jq -r .url "$ready") static=$(jq -r .static_url "$ready")
  {
    awk -v from="$url" -v to="$www/rfc" -v n="$entries" -v page=$PAGE "$SITE_TILES"'BEGIN {
      for (i = 0; i < n; i += page)
        get(from "/ct/v1/get-entries?start=" i "&end=" i + page - 1, to "/page/" i)
      get(from "/ct/v1/get-sth", to "/ct/v1/get-sth")
    }'
    awk -v from="$static" -v to="$www/static" -v n="$entries" "$SITE_TILES"'BEGIN {
      tiles("data", n)
      for (level = 0; n > 0; level++) { tiles(level, n); n = int(n / 256) }
      get(from "/checkpoint", to "/checkpoint")
    }'
  } >"$SITE/$name.curl"
  curl -sS --fail --noproxy '*' --parallel --parallel-max 4 --create-dirs -K "$SITE/$name.curl" 2>"$SITE/$name.err" ||
    site_fail "$(tail -n 3 "$SITE/$name.err")"
  for der in "$SITE"/ca/*.der; do
    cp "$der" "$www/static/issuer/$(sha256sum <"$der" | cut -d ' ' -f 1)"
  done
  kill "$(cat "$SITE/$name.sim.pid")"
  rm "$SITE/$name.sim.pid" "$SITE/$name.curl"
  wait $! 2>/dev/null || true
  chmod -R a+rX "$SITE/www"
}

site_certificate() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$SITE/ca.key"
  openssl req -x509 -new -key "$SITE/ca.key" -subj '/CN=Bench CA' -days 30 -out "$SITE/ca.pem"
  openssl ecparam -name prime256v1 -genkey -noout -out "$SITE/server.key"
  openssl req -new -key "$SITE/server.key" -subj /CN=127.0.0.1 -out "$SITE/server.csr"
  openssl x509 -req -in "$SITE/server.csr" -CA "$SITE/ca.pem" -CAkey "$SITE/ca.key" -CAcreateserial -days 30 \
    -extfile <(printf 'subjectAltName=IP:127.0.0.1'; printf ',IP:127.0.0.%s' $(seq 2 $HOSTS)) -out "$SITE/server.pem"
}

# Starts nginx on a free port of $HOSTS addresses; sets URL, that of the first.
site_serve() {
  local port try
  site_certificate 2>"$SITE/openssl.err" || site_fail "$(cat "$SITE/openssl.err")"
  for try in $(seq 20); do
    port=$((20000 + (RANDOM + try) % 10000))
    cat >"$SITE/nginx.conf" <<CONF
worker_processes 1;
pid $SITE/nginx.pid;
error_log $SITE/nginx.err;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 100000000;
  open_file_cache max=100000 inactive=1h;
  default_type application/octet-stream;
  client_body_temp_path $SITE/temp1; proxy_temp_path $SITE/temp2; fastcgi_temp_path $SITE/temp3;
  uwsgi_temp_path $SITE/temp4; scgi_temp_path $SITE/temp5;
  server {
$(seq 1 $HOSTS | sed "s|.*|    listen 127.0.0.&:$port ssl;|")
    ssl_certificate $SITE/server.pem;
    ssl_certificate_key $SITE/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:bench:4m;
    root $SITE/www;
    location ~ ^/([a-z0-9]+)/rfc/ct/v1/get-entries\$ {
      default_type application/json;
      alias $SITE/www/\$1/rfc/page/\$arg_start;
    }
  }
}
CONF
    if nginx -c "$SITE/nginx.conf" 2>"$SITE/nginx.start"; then
      URL=https://127.0.0.1:$port
      return
    fi
  done
  site_fail "$(cat "$SITE/nginx.start")"
}

# CPU seconds of PostgreSQL so far, all of its processes, also those that have ended.
site_pg_cpu() {
  local main
  sleep 0.5 # those that are just ending are counted once they have ended
  main=$(head -n 1 "$STATE/pg/data/postmaster.pid")
  { cat "/proc/$main/stat"; cat $(pgrep -P "$main" | sed 's|.*|/proc/&/stat|') 2>/dev/null || true; } |
    awk -v tick="$(getconf CLK_TCK)" -v main="$main" '{
      pid = $1; sub(/.*\) /, "")
      sum += $12 + $13 + (pid == main ? $14 + $15 : 0)
    } END { printf "%.2f\n", sum / tick }'
}

# site_db NAME: an empty database with our schema in the private cluster; sets DSN.
site_db() {
  local all
  "$CTVIGIL" --state-dir "$STATE" db start >/dev/null
  all=$("$CTVIGIL" --state-dir "$STATE" db dsn)
  psql -qX "$all" -c "CREATE DATABASE $1"
  DSN=${all/dbname=ctvigil/dbname=$1}
  "$CTVIGIL" --state-dir "$STATE" --db "$DSN" db init >/dev/null
}

ctv() { "$CTVIGIL" --state-dir "$STATE" --db "$DSN" "$@"; }

# ctv_add NAME LOG PROTOCOL [HOST]: the log LOG of the site as NAME, from address number HOST.
ctv_add() {
  local URL=${URL/127.0.0.1/127.0.0.${4:-1}}
  local url=(--url "$URL/$2/static" --submission-url "https://bench.example/$2") key
  if [ "$3" = rfc6962 ]; then url=(--url "$URL/$2/rfc"); fi
  key=$(jq -r .key "$SITE/$2.json")
  # That it cannot be reached is said because the CA is not the machine's out here.
  ctv log add "$1" --protocol "$3" "${url[@]}" --key "$key" >/dev/null 2>"$SITE/add.err" || site_fail "$(cat "$SITE/add.err")"
}

# ctv_run FILE COMMAND...: ctvigil where the CA of the site is the machine's; what it cost goes to FILE. PRELOAD is
# loaded into it.
ctv_run() {
  local out=$1
  shift
  "$RUSAGE" "$out" unshare -m bash -c 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift &&
    LD_PRELOAD=${PRELOAD:-} exec "$@"' bash "$SITE/ca.pem" \
    "$CTVIGIL" --state-dir "$STATE" --db "$DSN" "$@"
}

# Root of the verified tree of log $1 as it is stored, base64.
ctv_root() {
  psql -qXAt "$DSN" -c "SELECT encode(h.root, 'base64') FROM log_head AS h JOIN log AS l ON l.id = h.log
    JOIN log_range AS r ON r.log = l.id WHERE l.name = '$1' AND h.verified AND h.size = r.verified"
}
