# What the plays share; a play begins with `load play`. Every file of plays has a folder of its own ($PLAY) with its own
# state directory ($STATE), private database and simulators, so that several files may run at once.
bats_require_minimum_version 1.5.0

CTVIGIL_SOURCE=${CTVIGIL_SOURCE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
CTVIGIL_BUILD=${CTVIGIL_BUILD:-$CTVIGIL_SOURCE/build}
CTVIGIL=$CTVIGIL_BUILD/ctvigil
LOGSIM=$CTVIGIL_BUILD/ctvigil-logsim
unset CTVIGIL_STATE_DIR CTVIGIL_DB_DSN STATE_DIRECTORY XDG_STATE_HOME http_proxy https_proxy all_proxy HTTP_PROXY \
    HTTPS_PROXY ALL_PROXY
export LC_ALL=C.UTF-8 TZ=UTC
# No play reads the logs of the world.
export CTVIGIL_INGEST_LOG_LIST=${PLAY_LOG_LIST:-none}

# setup_file: the folder. Open to every user, because started by root the database runs as another one. In memory where
# there is room: making a database is mostly waiting for the disk.
play_begin() {
    local base=${TMPDIR:-/tmp} free
    free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
    [ -w /dev/shm ] && [ "${free:-0}" -gt 3000000 ] && base=/dev/shm
    PLAY=$(mktemp -d "$base/ctvigil-play.XXXXXX")
    chmod 755 "$PLAY"
    STATE=$PLAY/state
    : >"$PLAY/pids"
    export PLAY STATE
    play_guard &
}

# When the play itself is killed nobody calls teardown_file: then this ends what it started.
play_guard() {
    exec 3>&- </dev/null >/dev/null 2>&1
    while kill -0 $$ && [ -e "$PLAY" ]; do
        sleep 2
    done
    [ -e "$PLAY" ] && play_end
}

# setup_file: the same, and a private database that stays up until play_end.
play_begin_db() {
    play_begin
    db_up
}

# Makes the database of $STATE and keeps it running; sets DSN for sql.
db_up() {
    ctv db start >&2
    DSN=$(ctv db dsn)
    export DSN
}

# use_state NAME: from here on another state directory, with a private database of its own.
use_state() {
    STATE=$PLAY/$1
    db_up
}

# teardown_file: ends what the play started, and fails when anything else of it is still alive.
play_end() {
    local pid
    while read -r pid; do
        kill "$pid" 2>/dev/null && kill -CONT "$pid" 2>/dev/null
    done <"$PLAY/pids"
    for state in "$PLAY"/*/; do
        [ -e "${state}pg" ] && "$CTVIGIL" --state-dir "${state%/}" db stop >/dev/null 2>&1
    done
    if ! wait_for '! pgrep -f "$PLAY/" >/dev/null' 60; then
        echo "still running:"
        pgrep -af "$PLAY/"
        return 1
    fi
    [ -n "${PLAY_KEEP:-}" ] || rm -rf "$PLAY"
}

teardown() {
    play_logs
}

# After a failed test: what the programs in the background said.
play_logs() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] && return 0
    for log in "$PLAY"/*.log "$PLAY"/*/pg/log; do
        [ -s "$log" ] && { echo "--- $log"; tail -n 30 "$log"; }
    done
    return 0
}

ctv() {
    "$CTVIGIL" --state-dir "$STATE" "$@"
}

# Runs a command in the background, output to $PLAY/NAME.out and NAME.log; its process is $!.
background() {
    local name=$1
    shift
    "$@" >"$PLAY/$name.out" 2>"$PLAY/$name.log" 3>&- &
    echo $! >>"$PLAY/pids"
}

# wait_for CONDITION SECONDS: until the shell text CONDITION is true. What another process does is waited for, each state that
# is asked about by itself: it comes a moment later than the one before it. A minute costs nobody anything who gets what he
# waits for, and a busy machine needs some of it.
wait_for() {
    local until=$((SECONDS + $2))
    until eval "$1"; do
        if [ $SECONDS -ge $until ]; then
            echo "not within $2 s: $1"
            return 1
        fi
        sleep 0.1
    done
}

# Waits for a process of this shell and returns its exit status.
ended() {
    local status=0
    wait "$1" || status=$?
    return $status
}

# Whether the process $1 is no more, or only waits for somebody to ask how it ended.
gone() {
    ! kill -0 "$1" 2>/dev/null || [ "$(awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null)" = Z ]
}

# start_sim [options]: a log simulator; sets SIM_PID SIM_URL SIM_STATIC_URL SIM_SUBMISSION_URL SIM_CONTROL SIM_KEY,
# CA_demo, CA_other ... (hash of the key of each of its CAs).
start_sim() {
    local name ready
    name=sim$(wc -l <"$PLAY/pids")
    background "$name" "$LOGSIM" --port 0 "$@"
    SIM_PID=$!
    wait_for "grep -q '}' '$PLAY/$name.out' || ! kill -0 $SIM_PID 2>/dev/null" 60
    ready=$(head -n 1 "$PLAY/$name.out")
    eval "$(jq -er '@sh "SIM_URL=\(.url) SIM_STATIC_URL=\(.static_url) SIM_SUBMISSION_URL=\(.submission_url)
                         SIM_CONTROL=\(.control) SIM_KEY=\(.key)"' <<<"$ready")"
    eval "$(jq -r '.ca | to_entries[] | "CA_" + .key + "=" + (.value | @sh)' <<<"$ready")"
    export SIM_PID SIM_URL SIM_STATIC_URL SIM_SUBMISSION_URL SIM_CONTROL SIM_KEY CA_demo CA_other CA_third \
        CA_classic
}

# Tells the simulator something (JSON) and prints its answer; without an argument asks for its counters.
control() {
    if [ $# -eq 0 ]; then
        curl -sS --noproxy '*' --fail-with-body "$SIM_CONTROL"
    else
        curl -sS --noproxy '*' --fail-with-body -H 'Content-Type: application/json' --data-binary "$1" "$SIM_CONTROL"
    fi
}

fault() {
    control "$(jq -nc --arg fault "$1" '{$fault}')" >/dev/null
}

clear_faults() {
    control '{"clear":"all"}' >/dev/null
}

# issue CA DAYS FORM NAME...: one certificate; prints what became of it.
issue() {
    local ca=$1 days=$2 form=$3
    shift 3
    control "$(jq -nc --arg ca "$ca" --argjson days "$days" --arg form "$form" \
        '{issue: {$ca, $days, $form, names: $ARGS.positional}}' --args -- "$@")"
}

# Real receivers in the folder $PLAY/in (receiver.py says what they do and where they note it); sets P_http P_https P_wrong
# P_smtp P_bare P_udp P_tcp P_tls, their ports. The folder has right.pem and wrong.pem, certificates of localhost and of
# somebody else, and ca.pem, who made them.
receivers_up() {
    local name
    for python in python3 /usr/bin/python3; do
        "$python" -c 'import aiosmtpd' 2>/dev/null && break
        python=
    done
    [ -n "$python" ] || { echo "python3-aiosmtpd is not installed: ops/check installs it"; return 1; }
    export python
    mkdir "$PLAY/in"
    cd "$PLAY/in"
    for name in right:localhost wrong:elsewhere.test; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out crt -days 2 \
            -subj "/CN=${name#*:}" -addext "subjectAltName=DNS:${name#*:}" 2>/dev/null
        cat crt key >"${name%:*}.pem"
        cat crt >>ca.pem
    done
    receivers_forget
    "$python" "$BATS_TEST_DIRNAME/receiver.py" "$PLAY/in" >ports 2>errors 3>&- &
    echo $! >>"$PLAY/pids"
    wait_for '[ -s "$PLAY/in/ports" ]' 60
    for name in http https wrong smtp bare udp tcp tls; do
        eval "export P_$name=$(jq ".$name" ports)"
    done
}

# What they were sent until now is not looked at again.
receivers_forget() {
    : >"$PLAY/in/http.jsonl"
    : >"$PLAY/in/mail.jsonl"
    : >"$PLAY/in/syslog"
}

# What came to the path $1 by HTTP, one JSON line a request.
posted() {
    jq -c --arg path "$1" 'select(.path == $path)' "$PLAY/in/http.jsonl"
}

# How many entries the simulator's newest head has.
sim_size() {
    curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth" | jq .tree_size
}

# add_log NAME rfc6962|static-ct [more options of log add]. One log under two names is refused: HOST_AS=127.1 (127.0.1,
# localhost) spells the host in another way and makes it another log.
add_log() {
    local name=$1 protocol=$2 host=${HOST_AS:-127.0.0.1}
    shift 2
    if [ "$protocol" = rfc6962 ]; then
        ctv log add "$name" --protocol rfc6962 --url "${SIM_URL/127.0.0.1/$host}" --key "$SIM_KEY" "$@"
    else
        ctv log add "$name" --protocol static-ct --url "${SIM_STATIC_URL/127.0.0.1/$host}" --submission-url "$SIM_SUBMISSION_URL" \
            --key "$SIM_KEY" "$@"
    fi
}

# The simulator's tree, followed in both protocols.
add_logs() {
    add_log rfc rfc6962
    add_log tiles static-ct
}

ingest() {
    ctv ingest --once "$@"
}

# every_line JQ-CONDITION, some_line JQ-CONDITION: over JSON lines on stdin. (The exit status of jq -e alone tells of the
# last line only.) Further arguments go to jq.
every_line() {
    local condition=$1
    shift
    jq -es "$@" "length > 0 and all($condition)"
}

some_line() {
    local condition=$1
    shift
    jq -es "$@" "any($condition)"
}

# log_is NAME JQ-CONDITION: is it true of that log's status?
log_is() {
    ctv log status --json | jq -es --arg name "$1" "map(select(.name == \$name)) | length == 1 and (.[0] | $2)" >/dev/null
}

# Entry INDEX as the log serves it: the certificate of an x509 entry (DER) on stdout; fails for a precertificate.
logged_cert() {
    local leaf=$PLAY/leaf.$1
    curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-entries?start=$1&end=$1" | jq -r '.entries[0].leaf_input' |
        base64 -d >"$leaf"
    [ "$(tail -c +11 "$leaf" | head -c 2 | hex)" = 0000 ] && tail -c +16 "$leaf"
}

# The log is read and verified up to its head of SIZE entries.
assert_complete() {
    local status
    status=$(ctv log status --json | jq -c --arg name "$1" 'select(.name == $name)')
    jq -e --argjson size "$2" '.position == $size and .verified_size == $size and .head_size == $size
        and .entries == $size and .backlog == 0 and .state == "active" and .last_error == ""' <<<"$status" >/dev/null ||
        { echo "expected $2 entries of $1, everything verified: $status"; return 1; }
}

# Bytes on stdin as hex.
hex() {
    od -An -v -tx1 | tr -d ' \n'
}

# sql TEXT: rows as text, tab between columns.
sql() {
    psql -XqAt -F $'\t' -v ON_ERROR_STOP=1 -d "$DSN" -c "$1"
}

# Everything the database holds that must not depend on when and how often it was written: two dumps of the same logs
# are equal or something was lost or doubled.
dump_db() {
    psql -XqAt -v ON_ERROR_STOP=1 -d "$DSN" <<'SQL'
SET TIME ZONE 'UTC';
SELECT 'cert', encode(c.tbs_fp, 'hex'), encode(i.spki_sha256, 'hex'), c.not_before, c.not_after, encode(c.serial, 'hex'),
       encode(c.spki_sha256, 'hex'), c.apex8, c.names, c.cn, encode(c.findings, 'hex')
  FROM cert AS c JOIN issuer AS i ON i.id = c.issuer ORDER BY 2, 3;
SELECT 'apex', encode(a.tbs_fp, 'hex'), a.apex8, a.not_before, a.not_after FROM cert_apex AS a ORDER BY 2, 3;
SELECT 'ip', encode(tbs_fp, 'hex'), ip, not_before, not_after FROM cert_ip ORDER BY 2, 3;
SELECT 'issued', encode(i.spki_sha256, 'hex'), day, sum(n) FROM issued JOIN issuer AS i ON i.id = issuer
 GROUP BY 2, 3 ORDER BY 2, 3;
SELECT 'tile', l.name, t.tile, t.first_index, t.last_index, t.fp8, t.sha8, md5(t.info)
  FROM log_tile AS t JOIN log AS l ON l.id = t.log ORDER BY 2, 3;
SELECT 'range', l.name, r.range_begin, r.range_end, r.next, r.verified, md5(r.frontier)
  FROM log_range AS r JOIN log AS l ON l.id = r.log ORDER BY 2, 3;
SELECT 'malformed', l.name, m.idx, m.findings, md5(m.leaf), md5(m.extra)
  FROM malformed AS m JOIN log AS l ON l.id = m.log ORDER BY 2, 3;
-- Without what root stores say, which is judged again as CA certificates come.
SELECT 'alert', a.domain_name, encode(a.tbs_fp, 'hex'), g.gravest->>'kind', g.gravest->>'severity', a.state, a.name, g.own,
       (SELECT array_agg(format('%s/%s/%s', l.name, s.idx, s.form) ORDER BY l.name, s.idx)
          FROM alert_sighting AS s JOIN log AS l ON l.id = s.log WHERE s.alert = a.id)
  FROM alert AS a, LATERAL (
    SELECT jsonb_agg(f ORDER BY n) AS own, (array_agg(f ORDER BY array_position(ARRAY['critical', 'high', 'low', 'info'],
           f->>'severity'), n))[1] AS gravest
      FROM jsonb_array_elements(a.findings) WITH ORDINALITY AS x (f, n)
     WHERE f->>'kind' NOT IN ('distrusted_ca', 'single_store_ca', 'untrusted_ca', 'unknown_issuer_key',
                              'constraint_violation')) AS g
 WHERE g.own IS NOT NULL OR a.findings = '[]' ORDER BY 2, 3, 4;
SQL
}

# What is stored of the entries of the log NAME, without its name.
tiles_of() {
    sql "SELECT t.tile, t.first_index, t.last_index, t.fp8, t.sha8, encode(t.info, 'hex') FROM log_tile AS t
         JOIN log AS l ON l.id = t.log WHERE l.name = '$1' ORDER BY 1"
}

# The counts agree with each other: what log entries, issuances and roll-ups say of the same thing.
assert_counts() {
    local counts # at once: starting a client takes longer than the query
    counts=$(sql "SELECT (SELECT coalesce(sum(n), 0) FROM issued), (SELECT count(*) FROM cert),
                         (SELECT count(DISTINCT (tbs_fp, issuer)) FROM cert),
                         (SELECT count(*) FROM log_tile WHERE cardinality(fp8) <> last_index - first_index + 1
                          OR cardinality(sha8) <> cardinality(fp8) OR length(info) <> 9 * cardinality(fp8)),
                         (SELECT count(*) FROM log_tile AS t WHERE (SELECT count(*) FROM unnest(t.fp8) AS k WHERE k <> 0)
                          <> (SELECT count(*) FROM ct.by_fp8(t.fp8) AS f WHERE f.log_id = t.log AND f.index / 256 = t.tile))")
    awk -F '\t' 'NF == 5 && $1 == $2 && $2 == $3 && $4 == 0 && $5 == 0 { good = 1 } END { exit !good }' <<<"$counts" ||
        { echo "issued, certificates, different ones, wrong tiles, tiles not found: $counts"; return 1; }
}
