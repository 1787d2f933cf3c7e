# What a log can do to its readers: after each fault everything is read, verified and stored once.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 700 --seed 10
    HOST_AS=127.1 add_log clean rfc6962
    ingest --log clean
    certs=$(sql 'SELECT count(*) FROM cert')
    export certs
    export CTVIGIL_INGEST_POLL_MS=200 CTVIGIL_INGEST_PARTIAL_WAIT_MS=200
}

teardown_file() {
    play_end
}

setup() {
    local left
    NAME=f$BATS_TEST_NUMBER
    # A test that failed leaves its log and its fault behind.
    left=$(sql "SELECT name FROM log WHERE name LIKE 'f%' AND state <> 'removed'")
    for log in $left; do
        ctv log remove "$log"
    done
    clear_faults
}

# What is stored of $NAME is what is stored of the log that was read without faults.
assert_clean() {
    local size
    size=$(sim_size)
    [ "$(sql "SELECT next, verified FROM log_range AS r JOIN log AS l ON l.id = r.log WHERE l.name = 'clean'")" = \
        "$size"$'\t'"$size" ] || ingest --log clean
    assert_complete "$NAME" "$size"
    diff <(tiles_of clean) <(tiles_of "$NAME")
    assert_counts
    ctv log remove "$NAME"
}

# Nobody is alerted about the log $NAME.
no_alert() {
    ctv alert list --json >"$PLAY/alerts"
    jq -es --arg name "$NAME" 'all(.log != $name)' "$PLAY/alerts"
}

# survives PROTOCOL FAULT: reads to the end while the fault lasts.
survives() {
    local size
    size=$(sim_size)
    add_log "$NAME" "$1"
    fault "$2"
    run -0 timeout 240 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "$NAME"
    log_is "$NAME" ".position == $size and .verified_size == $size and .entries == $size"
    clear_faults
    run -0 ingest --log "$NAME"
    assert_clean
}

# outlives PROTOCOL FAULT PATTERN: says PATTERN while the fault lasts, and reads to the end when it is gone.
outlives() {
    add_log "$NAME" "$1"
    fault "$2"
    background "$NAME" "$CTVIGIL" --state-dir "$STATE" ingest --log "$NAME"
    local ingester=$!
    # At the same time: an answer that the fault leaves alone may take the error away for a moment.
    wait_for "log_is $NAME '(.last_error | test(\"$3\"; \"i\") and (contains(\"\n\") | not) and length > 8 and length < 300)
        and .state == \"active\"'" 60 ||
        { ctv log status --json | jq -r 'select(.name == "'"$NAME"'") | .last_error'; return 1; }
    clear_faults
    wait_for "assert_complete $NAME $(sim_size) >/dev/null" 120
    kill -TERM $ingester
    ended $ingester
    assert_clean
}

@test "429 now and then, Retry-After in seconds" { survives rfc6962 429:3:1; }
@test "429 now and then, Retry-After as a date" { survives static-ct 429:3:date1; }
@test "429 for everything" { outlives rfc6962 429:1:1 '429|slow down'; }
@test "429 for everything, static" { outlives static-ct 429:1:1 '429|slow down'; }
@test "5xx with HTML now and then" { survives rfc6962 5xx:3:500; }
@test "503 with HTML for everything" { outlives rfc6962 5xx:1:503 '503'; }
@test "502 with HTML for the tiles" { outlives static-ct 5xx:1:502@tile-data '502'; }
@test "connections closed now and then" { survives rfc6962 drop:3; }
@test "connections closed always" { outlives static-ct drop:1@tile-data '.'; }
@test "answers that end in the middle, now and then" { survives rfc6962 truncate:3; }
@test "answers that end in the middle, always" { outlives rfc6962 truncate:1@get-entries '.'; }
@test "tiles that end in the middle" { outlives static-ct truncate:1@tile-data '.'; }
@test "entries as text/html" { survives rfc6962 type:text/html; }
@test "slow answers" { survives rfc6962 slow:200; }
@test "slow tiles" { survives static-ct slow:200; }
@test "short pages" { survives rfc6962 short:7; }
@test "pages longer than asked for" { survives rfc6962 long:3; }
@test "a body that does not end" { outlives rfc6962 endless '.'; }
@test "a tile that does not end" { outlives static-ct endless '.'; }
@test "a gzip bomb" { outlives static-ct bomb:512 '.'; }

@test "heads with a wrong signature move nothing, are evidence when they last, and are over with a good one" {
    add_log "$NAME" static-ct
    run -0 ingest --log "$NAME"
    size=$(sim_size)
    fault badsig
    control '{"append":20}'
    background "$NAME" "$CTVIGIL" --state-dir "$STATE" ingest --log "$NAME"
    ingester=$!
    wait_for "log_is $NAME '.last_error | test(\"signature\"; \"i\")'" 60
    wait_for "log_is $NAME '.state == \"inconsistent\"'" 60
    log_is "$NAME" ".position == $size and .verified_size == $size and .head_size == $size"
    alerted() {
        ctv alert list --json | some_line '.log == $name and .kind == "log_inconsistent" and .findings[0].rule == "bad_signature"' \
            --arg name "$NAME"
    }
    wait_for alerted 60
    path=$(sql "SELECT e.path FROM evidence AS e JOIN log AS l ON l.id = e.log WHERE l.name = '$NAME'")
    run -1 --separate-stderr ctv log verify --json "$path"
    jq -e '.verdict == "served" and any(.findings[]; .what == "bad_signature")' <<<"$output"
    ctv log evidence --json | some_line '.log == $name and .kind == "bad_signature" and .open' --arg name "$NAME"
    [ "$(sql "SELECT count(*) FROM log_head AS h JOIN log AS l ON l.id = h.log WHERE l.name = '$NAME'
              AND h.size > $size")" = 0 ]
    clear_faults
    wait_for "assert_complete $NAME $((size + 20)) >/dev/null" 120
    kill -TERM $ingester
    ended $ingester
    ctv log evidence --json | some_line '.log == $name and .kind == "bad_signature" and (.open | not)' --arg name "$NAME"
    [ "$(ctv alert list --json | jq -s --arg name "$NAME" 'map(select(.log == $name)) | length')" = 1 ]
    assert_clean
}

@test "a smaller head than before moves nothing back" {
    add_log "$NAME" static-ct
    run -0 ingest --log "$NAME"
    size=$(sim_size)
    fault stale:50
    run -0 ingest --log "$NAME"
    log_is "$NAME" ".position == $size and .verified_size == $size and .head_size == $size and .state == \"active\""
    clear_faults
    assert_clean
    no_alert
}

@test "entries beyond the head are not stored before a head covers them" {
    add_log "$NAME" rfc6962
    size=$(sim_size)
    fault future:40
    control '{"append":40}'
    run -0 ingest --log "$NAME"
    log_is "$NAME" ".position == .head_size and .verified_size == .head_size and .head_size < $(control | jq .size)"
    clear_faults
    control '{"publish":true}'
    run -0 ingest --log "$NAME"
    assert_clean
}

# A head inside tile 2, which is full meanwhile: only the full tile is there.
@test "no partial tiles (404, 403): the full one is taken, and of it what the head covers" {
    control "{\"append\":$((1024 - $(sim_size)))}"
    for status in 404 403; do
        NAME=f$BATS_TEST_NUMBER-$status
        add_log "$NAME" static-ct
        fault nopartial:$status
        fault stale:30
        run -0 ingest --log "$NAME"
        log_is "$NAME" '.position == .head_size and .verified_size == .head_size and .head_size > 768 and
            .head_size < 1024'
        clear_faults
        run -0 ingest --log "$NAME"
        assert_clean
    done
}

@test "no partial tiles and no full one yet: waits for it and says so" {
    control "{\"append\":$((1324 - $(sim_size)))}"
    add_log "$NAME" static-ct
    fault nopartial:404
    background "$NAME" "$CTVIGIL" --state-dir "$STATE" ingest --log "$NAME"
    ingester=$!
    wait_for "log_is $NAME '.position == 1280'" 60
    log_is "$NAME" '.state == "active"'
    control "{\"append\":$((1540 - $(sim_size)))}"
    wait_for "log_is $NAME '.position == 1536'" 60
    clear_faults
    wait_for "assert_complete $NAME 1540 >/dev/null" 120
    kill -TERM $ingester
    ended $ingester
    assert_clean
}

@test "wrong proofs: a late start is read all the same, and verified when the proofs are right" {
    local ends=1 protocol
    for protocol in rfc6962 static-ct; do
        NAME=f$BATS_TEST_NUMBER-$protocol
        fault badproof
        add_log "$NAME" $protocol --from 300
        run -$ends timeout 240 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "$NAME"
        log_is "$NAME" ".position == $(sim_size) and (.verified_size == $(sim_size)) == ($ends == 0)"
        clear_faults
        control '{"append":5}'
        run -0 timeout 240 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "$NAME"
        log_is "$NAME" ".position == $(sim_size) and .verified_size == $(sim_size)"
        no_alert
        ctv log remove "$NAME"
        ends=0 # the next one has tiles, and nobody asks it for proofs
    done
}

@test "after all that: no alert but for the wrong signatures, no issuance twice" {
    [ "$(ctv alert list --json | jq -rs 'map([.kind, .findings[].rule] | join(" ")) | join(",")')" = \
        "log_inconsistent bad_signature" ]
    [ "$(sql 'SELECT count(*) FROM cert')" -ge "$certs" ]
    assert_counts
    use_state reference
    add_log clean rfc6962
    run -0 ingest --once
    reference=$(sql 'SELECT count(*) FROM cert')
    STATE=$PLAY/state DSN=$(ctv db dsn)
    [ "$(sql 'SELECT count(*) FROM cert')" = "$reference" ]
}

@test "a fault that does not end: ingest --once ends with 4 and says which log" {
    add_log "$NAME" rfc6962
    fault 5xx:1:500
    run -4 --separate-stderr timeout 240 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "$NAME"
    clear_faults
    log_is "$NAME" '.last_error | test("500")'
    ctv log remove "$NAME"
}
