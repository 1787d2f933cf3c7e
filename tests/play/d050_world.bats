# What the world around does to a reader: a log that is gone, a name that does not resolve, a database that is away for
# an hour, a full disk, a clock that jumps. Each time reading goes on by itself and nothing is lost, doubled or alerted.
load play
load strict

setup_file() {
    play_begin
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_PARTIAL_WAIT_MS=200 CTVIGIL_INGEST_CONTACT=operator@watch.test
    start_sim --entries 600 --seed 50
    # After the log: its clock is right.
    export CTVIGIL_TEST_CLOCK_FILE=$PLAY/clock
    clocks 0 0
    db_up
    ctv domain add world.example
    make_forwarder
    add_log steady rfc6962
    # The same log through a door that can be shut.
    DOOR=$((20000 + RANDOM % 10000))
    while (: <>/dev/tcp/127.0.0.1/$DOOR) 2>/dev/null; do DOOR=$((DOOR + 1)); done
    door_open
    SIM_URL=http://127.0.0.1:$DOOR/rfc6962 add_log door rfc6962
    export DOOR
    # Names resolve by files of its own, where that can be.
    cp /etc/hosts "$PLAY/hosts"
    echo 'nameserver 127.0.0.1' >"$PLAY/resolv.conf"
    if unshare -m true 2>/dev/null; then
        background run unshare -m bash -c 'mount --bind "$1/hosts" /etc/hosts &&
            mount --bind "$1/resolv.conf" /etc/resolv.conf && exec "$2" --state-dir "$3" run' - "$PLAY" "$CTVIGIL" "$STATE"
    else
        background run "$CTVIGIL" --state-dir "$STATE" run
    fi
    RUN=$!
    export RUN
    whole
}

teardown_file() {
    if mountpoint -q "$PLAY/full"; then
        rm -f "$PLAY/full/ballast"
        while read -r pid; do kill "$pid" 2>/dev/null; done <"$PLAY/pids" || true
        "$CTVIGIL" --state-dir "$PLAY/full" db stop >/dev/null 2>&1 || true
        umount -l "$PLAY/full"
    fi
    play_end
}

# clocks WALL MONO: seconds by which the clocks of every ctvigil of this play are wrong, in one step.
clocks() {
    printf '%s\n%s\n' "$1" "$2" >"$PLAY/clock.new"
    mv "$PLAY/clock.new" "$PLAY/clock"
}

# A port that hands on to the simulator while its process lives; without it connections are refused.
make_forwarder() {
    cat >"$PLAY/door.py" <<'PY'
import socket, sys, threading
def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try: s.shutdown(socket.SHUT_RDWR)
        except OSError: pass
door = socket.socket()
door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
door.bind(("127.0.0.1", int(sys.argv[1])))
door.listen(64)
while True:
    near, _ = door.accept()
    far = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for a, b in ((near, far), (far, near)):
        threading.Thread(target=pump, args=(a, b), daemon=True).start()
PY
}

door_open() {
    background "door.$(wc -l <"$PLAY/pids")" python3 "$PLAY/door.py" $DOOR "$(sed -E 's|.*:([0-9]+)/.*|\1|' <<<"$SIM_URL")"
    echo $! >"$PLAY/door.pid"
    wait_for "(: <>/dev/tcp/127.0.0.1/$DOOR) 2>/dev/null" 60
}

door_shut() {
    local pid
    pid=$(cat "$PLAY/door.pid")
    kill -TERM "$pid"
    wait_for "! (: <>/dev/tcp/127.0.0.1/$DOOR) 2>/dev/null" 60
}

# grow NAME: certificates come, a watched one among them.
grow() {
    control '{"append":300}' >/dev/null
    issue other 90 both "$1.world.example" >/dev/null
    control '{"append":300}' >/dev/null
}

# Both logs are read to the end, everything once, and each certificate on order has its one alert and nothing else has.
whole() {
    local log
    for log in steady door; do wait_for "assert_complete $log $(sim_size) >/dev/null" 120; done
    assert_counts
    diff <(tiles_of steady) <(tiles_of door)
    kill -0 "$RUN"
    ctv alert list --json >"$PLAY/listed" # before the first of them, too
    jq -r '"\(.kind) \(.name)"' "$PLAY/listed" | sort >"$PLAY/alerts"
    for log in "$@"; do
        [ "$(grep -cxF "unexpected_ca $log.world.example" "$PLAY/alerts")" = 1 ]
    done
    none -v '^unexpected_ca ' "$PLAY/alerts"
}

@test "a log that is gone: connections are refused for an hour, then it is back" {
    door_shut
    grow gone
    wait_for "log_is door '.last_error | test(\"connect|refused\"; \"i\")'" 60
    log_is door '.state == "active"'
    wait_for "assert_complete steady $(sim_size) >/dev/null" 60
    clocks 3600 3600
    sleep 1
    log_is door '.backlog > 0 or .head_size < '"$(sim_size)"
    door_open
    whole gone
    log_is door '.last_error == ""'
}

@test "a log whose name does not resolve, then does, while another one is read" {
    unshare -m true 2>/dev/null || skip "no mount namespace here"
    SIM_URL=${SIM_URL/127.0.0.1/log.world.invalid} add_log named rfc6962 --allow-http
    grow name
    wait_for "log_is named '.last_error | test(\"resolve\"; \"i\")'" 60
    log_is named '.state == "active" and .position == 0'
    wait_for "assert_complete steady $(sim_size) >/dev/null" 60
    # In place: another file would not be the one that is mounted.
    sed 's/^127\.0\.0\.1.*/& log.world.invalid/' /etc/hosts >"$PLAY/hosts.new"
    cat "$PLAY/hosts.new" >"$PLAY/hosts"
    clocks 7200 7200
    wait_for "assert_complete named $(sim_size) >/dev/null" 60
    whole name
    diff <(tiles_of steady) <(tiles_of named)
    ctv log remove named
}

@test "a clock that jumps by days, forward and back" {
    clocks $((7200 + 3 * 86400)) 7200
    grow forward
    whole forward
    clocks $((7200 - 5 * 86400)) 7200
    grow backward
    whole backward
    log_is steady '.head_in_future'
    clocks 7200 7200
    grow right
    whole forward backward right
    log_is steady '.head_in_future == false'
}

@test "a database that is away for an hour: memory and requests hold still, then nothing is missing" {
    local keeper server before requests
    keeper=$(ctv db status --json | jq -r .keeper_pid)
    server=$(ctv db status --json | jq -r .server_pid)
    mv "$STATE/pg/data/global/pg_control" "$PLAY/pg_control"
    kill -KILL "$server" "$keeper"
    wait_for 'grep -q "it is down and is tried again" "$PLAY/run.log"' 60
    control '{"append":3000}' >/dev/null
    grow hour
    # Until what is held in memory is full, or all is read.
    wait_for 'before=$requests; sleep 3; requests=$(control | jq ".requests[\"get-entries\"]"); [ "$before" = "$requests" ]' 60
    before=$(awk '/^RssAnon/ { print $2 }' "/proc/$RUN/status")
    clocks 10800 10800
    sleep 2
    clocks 14400 14400
    sleep 1
    kill -0 "$RUN"
    [ "$(awk '/^RssAnon/ { print $2 }' "/proc/$RUN/status")" -lt $((before + 65536)) ]
    mv "$PLAY/pg_control" "$STATE/pg/data/global/pg_control"
    wait_for 'grep -q "up again" "$PLAY/run.log"' 60
    wait_for 'ctv db dsn >/dev/null 2>&1' 60
    DSN=$(ctv db dsn)
    whole gone hour
}

@test "a full disk: said, tried again, and nothing is lost when there is room" {
    [ "$(id -u)" = 0 ] && mkdir "$PLAY/full" && mount -t tmpfs -o size=300m,mode=755 tmpfs "$PLAY/full" ||
        skip "no tmpfs can be mounted here"
    # Nothing is held back: it is to be really full.
    export CTVIGIL_DB_DISK_GUARD_PERCENT=0
    use_state full
    ctv domain add world.example
    add_log steady rfc6962
    background full "$CTVIGIL" --state-dir "$STATE" run
    RUN=$!
    wait_for "assert_complete steady $(sim_size) >/dev/null" 60
    dd if=/dev/zero of="$STATE/ballast" bs=64k 2>/dev/null || true
    control '{"append":2500}' >/dev/null
    grow full
    wait_for 'grep -qi "no space left" "$PLAY/full.log"' 60
    kill -0 "$RUN"
    rm "$STATE/ballast"
    # The server may have been through a crash of its own.
    wait_for "assert_complete steady $(sim_size) >/dev/null 2>&1" 120
    kill -TERM "$RUN"
    ended "$RUN"
    DSN=$(ctv db dsn)
    assert_counts
    [ "$(ctv alert list --json | jq -r .name | grep -cx full.world.example)" = 1 ]
    tiles_of steady >"$PLAY/full.tiles"
    ctv db stop
    STATE=$PLAY/state DSN=$(STATE=$PLAY/state ctv db dsn)
    wait_for "assert_complete steady $(sim_size) >/dev/null" 60
    diff "$PLAY/full.tiles" <(tiles_of steady)
}
