# Validly signed heads that contradict each other or the entries.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 400 --seed 30
    add_logs
    ingest
}

teardown_file() {
    play_end
}

@test "two heads of one size with different roots: evidence with both signed heads" {
    right=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth")
    fault fork:same
    wrong=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth")
    jq -en --argjson right "$right" --argjson wrong "$wrong" '$right.tree_size == 400 and $wrong.tree_size == 400 and
        $right.sha256_root_hash != $wrong.sha256_root_hash'
    run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    for name in rfc tiles; do
        log_is $name '.state == "inconsistent" and .position == 400 and .verified_size == 400'
        ctv alert list --json | some_line '.log == $name and .kind == "log_inconsistent" and
            .severity == "critical" and .domain == null' --arg name $name
    done
    [ "$(ctv alert list --json | wc -l)" = 2 ]
    for head in "$right" "$wrong"; do
        root=$(jq -r .sha256_root_hash <<<"$head" | base64 -d | hex)
        [ "$(sql "SELECT count(*) FROM log_head WHERE size = 400 AND root = '\\x$root'")" = 2 ]
    done
    # The account holds the signed bytes of both, so that others can check them.
    path=$(sql "SELECT e.path FROM evidence AS e JOIN log AS l ON l.id = e.log WHERE l.name = 'rfc'")
    for head in "$right" "$wrong"; do
        root=$(jq -r .sha256_root_hash <<<"$head")
        jq -r '(.head, .other_head).raw_base64 | @base64d' "$path" | grep -F "$root" | grep -F tree_head_signature
    done
    sql 'SELECT path FROM evidence' >"$PLAY/paths"
    [ "$(wc -l <"$PLAY/paths")" = 2 ]
    while read -r path; do
        run -1 --separate-stderr ctv log verify --known --json "$path"
        jq -e '.verdict == "signed" and any(.findings[]; .what == "fork") and .known_as != null' <<<"$output"
        # Signatures are all that it rests on.
        jq '.other_head.raw_base64 = .head.raw_base64' "$path" >"$PLAY/other.json"
        run -4 --separate-stderr ctv log verify "$PLAY/other.json"
        [[ "$output" == *BROKEN* ]]
        jq 'del(.other_head.raw_base64)' "$path" >"$PLAY/other.json"
        run -0 --separate-stderr ctv log verify "$PLAY/other.json"
    done <"$PLAY/paths"
    clear_faults
}

@test "the same again: no second alert" {
    fault fork:same
    run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    [ "$(ctv alert list --json | wc -l)" = 2 ]
    clear_faults
}

@test "a larger head of another tree: the entries do not fit it when they come" {
    start_sim --entries 400 --seed 31
    add_log larger rfc6962
    run -0 ingest --log larger
    fault fork:larger
    run -4 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log larger
    log_is larger '.position == 400 and .verified_size == 400 and (.last_error | length > 8)'
    clear_faults
    control '{"append":150}' >/dev/null
    run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log larger
    log_is larger '.state == "inconsistent" and .position == 550 and .entries == 550'
    ctv alert list --json | some_line '.log == "larger" and .kind == "log_inconsistent"'
    # The entries lead to the signed root behind it: others need neither the log's proof nor our word.
    path=$(sql "SELECT e.path FROM evidence AS e JOIN log AS l ON l.id = e.log WHERE l.name = 'larger'")
    run -1 --separate-stderr ctv log verify --json "$path"
    jq -e '.verdict == "signed" and ([.findings[].what] | contains(["path_other", "prefix_other", "base_signed",
        "since_useless"]))' <<<"$output"
    jq 'del(.answers)' "$path" >"$PLAY/other.json"
    run -1 --separate-stderr ctv log verify --json "$PLAY/other.json"
    jq -e '.verdict == "signed" and any(.findings[]; .what == "path_other")' <<<"$output"
    jq 'del(.answers, .entries) | .path[0] = .path[-1] | .path_begin[0] = .path[-1]' "$path" >"$PLAY/other.json"
    run -0 --separate-stderr ctv log verify --json "$PLAY/other.json"
    jq -e '.verdict == "nothing" and any(.findings[]; .what == "path_useless")' <<<"$output"
    kill $SIM_PID
}

# replaced PROTOCOL ENTRIES: the log of 1000 entries is gone; one of ENTRIES other ones has its key.
replaced() {
    NAME=replaced-$1-$2
    start_sim --entries 1000 --seed 77 --origin fork.example/log
    add_log "$NAME" "$1" --allow-http # fork.example is nowhere
    run -0 ingest --log "$NAME"
    first=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth" | jq -r .sha256_root_hash | base64 -d | hex)
    kill $SIM_PID
    ended $SIM_PID
    start_sim --port "$(sed "s,.*:\([0-9]*\).*,\1," <<<"$SIM_URL")" --entries "$2" --seed 77 --origin fork.example/log
    second=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth" | jq -r .sha256_root_hash | base64 -d | hex)
    for _ in 1 2; do
        run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "$NAME"
        log_is "$NAME" '.state == "inconsistent" and .position == 1000 and .verified_size == 1000 and
            .head_size == 1000 and .served_size == '"$2"' and (.reason | test("signed a tree of '"$2"' entries"))'
        [ "$(ctv alert list --json | jq -s --arg name "$NAME" 'map(select(.log == $name)) | length')" = 1 ]
    done
    run -3 ctv log status --check
    path=$(sql "SELECT e.path FROM evidence AS e JOIN log AS l ON l.id = e.log WHERE l.name = '$NAME'")
    [ "$(jq -r .head.root "$path")" = "$second" ]
    [ "$(jq -r .other_head.root "$path")" = "$first" ]
    jq -e '.head.raw_base64 and .other_head.raw_base64 and (.entries | length > 0)' "$path"
    # What was served before is not signed, but what is stored of it is none of what is served now.
    run -1 --separate-stderr ctv log verify --json "$path"
    jq -e '.verdict == "served" and any(.findings[]; .what == "before_other")' <<<"$output"
    jq 'del(.before)' "$path" >"$PLAY/other.json"
    run -0 --separate-stderr ctv log verify "$PLAY/other.json"
    [[ "$output" == *"nothing here shows"* ]]
    # The alert names the account, and what it shows.
    id=$(ctv alert list --json | jq --arg name "$NAME" 'select(.log == $name) | .id')
    run -0 --separate-stderr ctv alert show "$id"
    [[ "$output" == *"shrunk_head: what the log served shows it"*"ctvigil log verify --id"* ]]
    ctv alert show "$id" --json | jq -e '.accounts | length == 1 and .[0].proof == "served" and .[0].over_at == null'
    kill $SIM_PID
    ctv log remove "$NAME"
}

@test "a smaller tree of other certificates under the same key is a contradiction, not a frontend that lags" {
    replaced rfc6962 500
    replaced static-ct 7
}

@test "a smaller head that the log itself proves wrong is proven to others as well" {
    start_sim --entries 700 --seed 33
    for protocol in rfc6962 static-ct; do
        add_log "own-$protocol" "$protocol"
        run -0 ingest --log "own-$protocol"
        fault stale:100
        fault fork:same
        run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log "own-$protocol"
        clear_faults
        path=$(sql "SELECT e.path FROM evidence AS e JOIN log AS l ON l.id = e.log WHERE l.name = 'own-$protocol'")
        run -1 --separate-stderr ctv log verify --json "$path"
        jq -e '.verdict == "signed" and any(.findings[]; .what == "prefix_other")' <<<"$output"
        jq '.answers[-1].body_base64 = "AAAA"' "$path" >"$PLAY/other.json"
        run -0 --separate-stderr ctv log verify --json "$PLAY/other.json"
        jq -e '.verdict == "nothing" and any(.findings[]; .what == "proof_useless")' <<<"$output"
    done
    kill $SIM_PID
}

@test "a head of the future says so, and one that never comes again" {
    start_sim --entries 20 --seed 32
    add_log ahead rfc6962
    fault ahead:9223372036854775807
    run -0 ingest --log ahead
    log_is ahead '.head_in_future and .head_time == null and .head_timestamp_ms == 9223372036854775807'
    ctv log status | grep 'head in the future'
    clear_faults
    run -0 ingest --log ahead
    log_is ahead '.head_in_future == false and .head_timestamp_ms < 9999999999999'
    fault fork:larger
    run -4 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log ahead
    clear_faults
    run -0 ingest --log ahead
    log_is ahead '.head_size == 120 and .served_size == 20'
    ctv log status | grep 'the log shows 20 entries now; its head of 120 was last seen'
    kill $SIM_PID
}
