# What is refused when a log is registered, and how a log that can not be reached is told.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 100
}

teardown_file() {
    play_end
}

# refused STATUS WORD options...: exit STATUS, one line that holds WORD, no log registered.
refused() {
    local expected=$1 word=$2
    shift 2
    run --separate-stderr ctv log add "$@"
    echo "$*: $status $stderr"
    [ "$status" = "$expected" ]
    [ -z "$output" ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"$word"* ]]
    [ "$(ctv log list --json | wc -l)" = "${LOGS:-0}" ]
}

wrong_key() {
    openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -outform DER | base64 -w0
}

@test "a key that is not the log's" {
    refused 2 --key wrong --protocol rfc6962 --url "$SIM_URL" --key "$(wrong_key)"
    refused 2 --key wrong --protocol static-ct --url "$SIM_STATIC_URL" --submission-url "$SIM_SUBMISSION_URL" \
        --key "$(wrong_key)"
}

@test "a key that is none" {
    refused 2 --key none --protocol rfc6962 --url "$SIM_URL" --key nonsense
    refused 2 --key none --protocol rfc6962 --url "$SIM_URL" --key "$PLAY/no-such-file.pem"
    head -c 200 /dev/urandom >"$PLAY/noise"
    refused 2 noise none --protocol rfc6962 --url "$SIM_URL" --key "$PLAY/noise"
    : >"$PLAY/empty"
    refused 2 empty none --protocol rfc6962 --url "$SIM_URL" --key "$PLAY/empty"
}

@test "the wrong origin of a static-ct log" {
    refused 2 '' origin --protocol static-ct --url "$SIM_STATIC_URL" --submission-url http://127.0.0.1:1/other \
        --key "$SIM_KEY"
}

@test "an unknown protocol" {
    refused 2 rfc9162 x --protocol rfc9162 --url "$SIM_URL" --key "$SIM_KEY"
    refused 2 '' x --protocol '' --url "$SIM_URL" --key "$SIM_KEY"
    refused 2 --operator x --protocol rfc6962 --url "$SIM_URL" --key "$SIM_KEY" --operator ''
    refused 2 '' x --protocol hybrid --url "$SIM_URL" --submission-url "$SIM_URL" --key "$SIM_KEY"
}

@test "the protocol of the other view" {
    refused 4 '' x --protocol rfc6962 --url "$SIM_STATIC_URL" --key "$SIM_KEY" --from now
}

@test "what is no URL, and http:// beyond this machine" {
    for url in nonsense ftp://127.0.0.1/ "http://127.0.0.1/a b" "file:///etc/passwd" ""; do
        refused 2 --url x --protocol rfc6962 --url "$url" --key "$SIM_KEY"
    done
    for url in http://ct.example.com/log http://localhost.example.com/ http://127.0.0.1.example.com/log \
        http://127.0.0.1@ct.example.com/ http://localhost:80@ct.example.com/ http://localhost:x@ct.example.com/; do
        refused 2 --url x --protocol rfc6962 --url "$url" --key "$SIM_KEY"
    done
    refused 2 --submission-url x --protocol static-ct --url "$SIM_STATIC_URL" \
        --submission-url http://ct.example.com/log --key "$SIM_KEY"
}

@test "a name that is none" {
    for name in "" "a b" $'a\nb' $'a\e[31m' "$(printf 'a%.0s' {1..64})"; do
        refused 2 name "$name" --protocol rfc6962 --url "$SIM_URL" --key "$SIM_KEY"
    done
}

@test "a key in a file, as PEM, DER or base64; a name that is taken" {
    base64 -d <<<"$SIM_KEY" >"$PLAY/key.der"
    openssl pkey -pubin -inform DER -in "$PLAY/key.der" -out "$PLAY/key.pem"
    echo "$SIM_KEY" >"$PLAY/key.b64"
    for form in der pem b64; do
        run -0 ctv log add "by-$form" --protocol rfc6962 --url "$SIM_URL/" --key "$PLAY/key.$form"
        LOGS=1 refused 2 "by-$form" "by-$form" --protocol rfc6962 --url "$SIM_URL" --key "$SIM_KEY"
        run -0 ctv log remove "by-$form"
    done
}

@test "the same log under another name; a taken name is refused before the log is asked for anything" {
    add_log first rfc6962
    LOGS=1 refused 2 first second --protocol rfc6962 --url "$SIM_URL/" --key "$SIM_KEY"
    # Nobody listens on port 9: what is said is about the name, and there is no warning before it.
    LOGS=1 refused 2 'name is there' first --protocol rfc6962 --url http://127.0.0.1:9/ --key "$SIM_KEY"
    run -0 ctv log remove first
}

@test "parts of a URL that mean nothing, an option that does nothing" {
    refused 2 99999 x --protocol rfc6962 --url http://127.0.0.1:99999/ --key "$SIM_KEY"
    refused 2 "'?'" x --protocol rfc6962 --url "$SIM_URL?x=y" --key "$SIM_KEY"
    refused 2 user x --protocol rfc6962 --url "https://user:secret@ct.example.com/" --key "$SIM_KEY"
    refused 2 --submission-url x --protocol rfc6962 --url "$SIM_URL" --submission-url "$SIM_URL" --key "$SIM_KEY"
    refused 2 --key x --protocol rfc6962 --url "$SIM_URL" --key ""
    refused 2 --from x --protocol rfc6962 --url "$SIM_URL" --key "$SIM_KEY" --from ""
    refused 2 --key x --protocol rfc6962 --url "$SIM_URL"
}

@test "nobody listens: registered with a warning from 0, refused from now; ingest --once ends with 4" {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' \
        2>/dev/null) || port=9
    run -0 --separate-stderr ctv log add dead --protocol rfc6962 --url "http://127.0.0.1:$port/x" --key "$SIM_KEY"
    [[ "$stderr" == *warning* ]]
    LOGS=1 refused 4 'nothing was registered' dead2 --protocol rfc6962 --url "http://127.0.0.1:$port/y" --key "$SIM_KEY" --from now
    add_log alive rfc6962
    run -4 --separate-stderr timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    assert_complete alive 100
    log_is dead '.position == 0 and (.last_error | length > 10) and .state == "active"'
    run -3 ctv log status --check
    run -0 ctv log remove dead
    run -0 ingest --once
    run -0 ctv log status --check
}

@test "log status --check: 3 for each thing alone that is not as it should be, and a line that says what" {
    # What a head promised is due after five minutes.
    sql "UPDATE log_range SET next = 99, verified = 99 WHERE next = 100"
    run -0 --separate-stderr ctv log status --check
    [ -z "$stderr" ]
    sql "UPDATE log_range SET next = 100, verified = 100 WHERE next = 99;
         UPDATE log_head SET seen_at = seen_at - interval '10 minutes'"
    while IFS='|' read -r bad good; do
        sql "$bad"
        run --separate-stderr ctv log status --check
        echo "$bad: $status $stderr"
        [ "$status" = 3 ]
        [[ "$stderr" == "ctvigil: log alive: "* ]]
        sql "$good"
        run -0 ctv log status --check
    done <<'TABLE'
UPDATE log SET last_error = 'x'|UPDATE log SET last_error = ''
UPDATE log_range SET next = 99, verified = 99 WHERE next = 100|UPDATE log_range SET next = 100, verified = 100 WHERE next = 99
UPDATE log_range SET verified = 99 WHERE verified = 100|UPDATE log_range SET verified = 100 WHERE verified = 99
UPDATE log SET state = 'inconsistent' WHERE name = 'alive'|UPDATE log SET state = 'active' WHERE name = 'alive'
UPDATE log_head SET timestamp_ms = timestamp_ms - 172800000|UPDATE log_head SET timestamp_ms = timestamp_ms + 172800000
TABLE
}

@test "ingest of a log that is not there" {
    run -2 --separate-stderr ingest --log nowhere
    [[ "$stderr" == *nowhere* ]]
    [ ${#stderr_lines[@]} = 1 ]
}

@test "the simulator says when its port is taken" {
    port=${SIM_URL#http://127.0.0.1:}
    run --separate-stderr timeout 60 "$LOGSIM" --port "${port%%/*}" --entries 1
    echo "$status $stderr"
    [ "$status" = 4 ] || [ "$status" = 2 ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"${port%%/*}"* ]]
}
