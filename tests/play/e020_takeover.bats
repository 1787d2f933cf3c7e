# An ingester is stopped in the middle, loses its connections, another takes over; then it wakes.
load play
load strict

setup_file() {
    play_begin
    start_sim --entries 6000 --seed 20
    use_state reference
    add_log rfc rfc6962
    ingest
    dump_db >"$PLAY/reference.dump"
    ctv db stop
}

teardown_file() {
    play_end
}

position() {
    sql 'SELECT next FROM log_range'
}

# The sleeper is left in the middle of the log, as the network would: stopped, its sessions cut off. Nobody comes to the end of
# the log before it is there, however slow this machine is.
fall_asleep() {
    fault refuse:3000
    background sleeper "$CTVIGIL" --state-dir "$STATE" ingest
    sleeper=$!
    wait_for '[ "$(position)" -gt 500 ]' 60
    kill -STOP $sleeper
    asleep_at=$(position)
    echo "asleep at $asleep_at"
    [ "$asleep_at" -le 3000 ]
    sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
}

@test "woken, it moves nothing that is not its own any more" {
    use_state taken
    export CTVIGIL_INGEST_POLL_MS=200
    add_log rfc rfc6962
    fault slow:150
    fall_asleep
    clear_faults
    run -0 timeout 240 "$CTVIGIL" --state-dir "$STATE" ingest --once
    [ "$(position)" = 6000 ]
    epoch=$(sql 'SELECT epoch FROM log_range')
    dump_db >"$PLAY/taken.dump"
    diff "$PLAY/reference.dump" "$PLAY/taken.dump"
    kill -CONT $sleeper
    sleep 3
    diff "$PLAY/taken.dump" <(dump_db)
    kill -0 $sleeper
    # It is alive and of use: nobody else reads now, so what comes is its to read, once.
    control '{"append":300}' >/dev/null
    wait_for '[ "$(position)" = 6300 ]' 60
    wait_for 'log_is rfc ".verified_size == 6300"' 60
    kill -TERM $sleeper
    ended $sleeper
    assert_complete rfc 6300
    assert_counts
    [ "$(sql 'SELECT epoch FROM log_range')" -gt "$epoch" ]
}

@test "woken while the other is still reading: the other's work stands" {
    use_state contested
    export CTVIGIL_INGEST_POLL_MS=200
    add_log rfc rfc6962
    fault slow:150
    fall_asleep
    fault refuse:5000 # the only one now
    background other "$CTVIGIL" --state-dir "$STATE" ingest
    other=$!
    wait_for "[ \"\$(position)\" -gt $((asleep_at + 500)) ]" 60
    kill -CONT $sleeper
    sleep 1
    clear_faults
    wait_for 'assert_complete rfc 6300 >/dev/null' 60
    kill -TERM $sleeper $other
    ended $sleeper
    ended $other
    assert_counts
    use_state fresh
    add_log rfc rfc6962
    run -0 ingest
    dump_db >"$PLAY/fresh.dump"
    STATE=$PLAY/contested DSN=$(ctv db dsn)
    diff "$PLAY/fresh.dump" <(dump_db)
}
