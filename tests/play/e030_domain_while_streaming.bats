# A domain registered while entries stream past: its alerts are those it would have had from the start.
load play
load strict

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
    dump_db | sed -E -e '/^alert/!d' -e 's/the log claims, and nothing stored proves it, //g' \
        -e 's/(\{"kind"[^}]*\}), \1/\1/g' | sort
}

# Reads both logs slowly, and not to their end, however slow this machine is.
stream() {
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_SPLIT_ENTRIES=0
    fault slow:700
    fault refuse:$((size - 100))
    background stream "$CTVIGIL" --state-dir "$STATE" ingest
    stream=$!
}

stream_to_its_end() {
    [ "$(position)" -lt $((2 * size)) ]
    clear_faults
    for log in rfc tiles; do wait_for "assert_complete $log $size >/dev/null" 120; done
    kill -TERM $stream
    ended $stream
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
    stream
    percent=10
    for domain in $DOMAINS; do
        wait_for "[ \"\$(position)\" -ge $((2 * size * percent / 100)) ]" 120
        ctv domain add $domain
        echo "$domain added between $percent % and position $(position) of $((2 * size))"
        percent=$((percent + 20))
    done
    stream_to_its_end
    diff "$PLAY/reference.alerts" <(alerts)
}

@test "added when everything is stored: the same again" {
    use_state later
    add_logs
    run -0 ingest
    silent alerts
    for domain in $DOMAINS; do
        ctv domain add $domain
    done
    diff "$PLAY/reference.alerts" <(alerts)
}

# The rules of a file come while entries stream past: what came before them is judged by them again.
@test "a policy file that is applied in the middle: the alerts are those of a file that was there from the start" {
    cat >"$PLAY/policy.yaml" <<EOF
watch:
  - name: first.example
    also: [second.example]
    max_days: 30
    names:
      allow: [nothing]
  - name: third.example
    exclude: [h1.third.example, h2]
EOF
    use_state ruled
    ctv domain apply "$PLAY/policy.yaml"
    add_logs
    ingest
    alerts >"$PLAY/ruled.alerts"
    [ "$(wc -l <"$PLAY/ruled.alerts")" = 115 ]
    grep -q 'as this entry asks for' "$PLAY/ruled.alerts"
    grep -q unexpected_name "$PLAY/ruled.alerts"
    ctv db stop

    use_state reload
    add_logs
    ctv domain add third.example --exclude h1 --exclude h2
    stream
    wait_for "[ \"\$(position)\" -ge $((size / 2)) ]" 120
    ctv domain apply --prune "$PLAY/policy.yaml"
    echo "applied before position $(position) of $((2 * size))"
    stream_to_its_end
    # A finding by the word of the log and the same one proven are one here, wherever they stand.
    diff "$PLAY/ruled.alerts" <(alerts | sed -E ':a; s/(\{"kind"[^}]*\})(.*), \1/\1\2/; ta')
    ctv domain list --yaml >"$PLAY/again.yaml"
    run -0 ctv domain apply --prune "$PLAY/again.yaml"
    [[ $output == *"0 added, 0 changed, 2 unchanged, 0 removed"* ]]
}
