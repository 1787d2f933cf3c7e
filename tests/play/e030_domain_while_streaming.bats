# A domain registered while entries stream past: its alerts are those it would have had from the start.
load play

DOMAINS="first.example second.example third.example"

setup_file() {
    play_begin
    start_sim --entries 500 --seed 30
    forms=(both precert final)
    for i in $(seq 1 39); do
        for domain in $DOMAINS; do
            issue other 90 "${forms[i % 3]}" "h$i.$domain" >/dev/null
        done
        control '{"append":495}' >/dev/null
    done
    size=$(sim_size)
    export size
    use_state reference
    for domain in $DOMAINS; do
        ctv domain add $domain
    done
    add_logs
    ingest
    alerts >"$PLAY/reference.alerts"
    ctv db stop
}

teardown_file() {
    play_end
}

# Every alert with what raised it and all its sightings. A final certificate that was there before its domain has its
# issuer by the word of the log: the alert says so, and says it again without that when it meets the entry itself.
alerts() {
    dump_db | grep '^alert' | sed -E -e 's/the log claims, and nothing stored proves it, //g' \
        -e 's/(\{"kind"[^}]*\}), \1/\1/g' | sort
}

position() {
    sql 'SELECT sum(next) FROM log_range'
}

@test "the reference: one alert for each certificate" {
    [ "$size" -ge 19000 ]
    [ "$(wc -l <"$PLAY/reference.alerts")" = 117 ]
}

@test "added at three moments of the stream: the same alerts with the same sightings" {
    use_state streaming
    add_logs
    fault slow:700
    background stream "$CTVIGIL" --state-dir "$STATE" ingest --once
    stream=$!
    percent=10
    for domain in $DOMAINS; do
        wait_for "[ \"\$(position)\" -ge $((2 * size * percent / 100)) ]" 60
        ctv domain add $domain
        echo "$domain added between $percent % and position $(position) of $((2 * size))"
        percent=$((percent + 20))
    done
    [ "$(position)" -lt $((2 * size)) ]
    clear_faults
    ended $stream
    assert_complete rfc "$size"
    assert_complete tiles "$size"
    diff "$PLAY/reference.alerts" <(alerts)
}

@test "added when everything is stored: the same again" {
    use_state later
    add_logs
    run -0 ingest
    [ "$(alerts | wc -l)" = 0 ]
    for domain in $DOMAINS; do
        ctv domain add $domain
    done
    diff "$PLAY/reference.alerts" <(alerts)
}
