# Two processes over one database on TCP; the network of one breaks in the middle of its work, and comes back.
load play
load strict

setup_file() {
    play_begin
    export NET=ctv$$ OURS=198.18.$((RANDOM % 256)).1
    export THEIRS=${OURS%.1}.2
    far_net || return 0
    export FAR=1
    start_sim --entries 4000 --seed 25
    use_state reference
    add_log rfc rfc6962
    ingest
    dump_db >"$PLAY/reference.dump"
    ctv db stop
}

teardown_file() {
    ip netns pids "$NET" 2>/dev/null | xargs -r kill 2>/dev/null
    play_end
    ip netns del "$NET" 2>/dev/null || true
}

setup() {
    [ -n "${FAR:-}" ] || skip "no network namespace can be made here"
}

# A machine of its own, at the other end of a cable.
far_net() {
    [ "$(id -u)" = 0 ] && command -v ip >/dev/null && ip netns add "$NET" &&
        ip link add "$NET" type veth peer name far netns "$NET" && ip addr add "$OURS/30" dev "$NET" &&
        ip link set "$NET" up && ip -n "$NET" addr add "$THEIRS/30" dev far && ip -n "$NET" link set lo up &&
        ip -n "$NET" link set far up
}

# The private database takes guests from there.
let_in() {
    echo "listen_addresses = '$OURS'" >"$STATE/pg/data/local.conf"
    chmod a+r "$STATE/pg/data/local.conf"
    ctv db stop
    db_up
    echo "host all all $THEIRS/32 trust" >>"$STATE/pg/data/pg_hba.conf"
    sql 'SELECT pg_reload_conf()'
}

# The logs are within its reach all the time, under the same address.
reach_logs() {
    local port=${SIM_URL#http://127.0.0.1:}
    port=${port%%/*}
    background outside python3 "$BATS_TEST_DIRNAME/relay.py" "$PLAY/relay" "127.0.0.1:$port"
    background inside ip netns exec "$NET" python3 "$BATS_TEST_DIRNAME/relay.py" "127.0.0.1:$port" "$PLAY/relay"
}

position() {
    sql 'SELECT next FROM log_range'
}

@test "its range is another one's within seconds, and it goes on when it is back" {
    use_state cut
    let_in
    reach_logs
    add_log rfc rfc6962
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_WINDOW=1
    fault slow:400@get-entries
    fault refuse:2400@get-entries # not before it is cut off, however slow this machine is
    background far ip netns exec "$NET" "$CTVIGIL" --state-dir "$PLAY/away" \
        --db "host=$OURS port=5432 user=ctvigil dbname=ctvigil" ingest
    far=$!
    wait_for '[ "$(position)" -gt 500 ]' 60
    ip -n "$NET" link set far down
    cut_at=$(position)
    echo "cut off at $cut_at"
    [ "$cut_at" -lt 2500 ]
    fault refuse:3700@get-entries
    background near "$CTVIGIL" --state-dir "$STATE" ingest
    near=$!
    wait_for "[ \"\$(position)\" -gt $((cut_at + 300)) ]" 60
    ip -n "$NET" link set far up
    kill -TERM $near
    ended $near
    [ "$(position)" -lt 4000 ]
    clear_faults
    wait_for 'assert_complete rfc 4000 >/dev/null' 60
    kill -TERM $far
    ended $far
    diff "$PLAY/reference.dump" <(dump_db)
    assert_counts
}
