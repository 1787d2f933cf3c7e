# A log that serves an entry with one bit flipped, again and again, while its head says otherwise: evidence.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 300 --seed 20
    add_logs
    ingest
    control '{"append":400}' >/dev/null
    fault flip:350
}

teardown_file() {
    play_end
}

alerts() {
    ctv alert list --json | jq -c 'select(.kind == "log_inconsistent")'
}

@test "ingest --once ends with 1 and goes on indexing" {
    run -1 --separate-stderr timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    for name in rfc tiles; do
        log_is $name '.position == 700 and .entries == 700 and .verified_size == 300 and .state == "inconsistent"'
    done
    run -3 ctv log status --check
}

@test "one critical alert for each log" {
    # That of the tiles names the tile first.
    [ "$(ctv alert list --json | wc -l)" = 2 ]
    alerts | some_line '.log == "tiles" and (.findings | map(.rule)) == ["bad_tile", "root_mismatch"]'
    for name in rfc tiles; do
        alerts | some_line '.log == $name and .severity == "critical" and .domain == null and
            (.findings | length >= 1) and .state == "new"' --arg name $name
    done
    run -0 --separate-stderr ctv alert list
    [[ "$output" == *log_inconsistent* ]]
    run -0 --separate-stderr ctv alert show "$(alerts | head -n 1 | jq .id)"
    [[ "$output" == *log_inconsistent* ]]
}

@test "the evidence holds both roots, the range and the signed head, in the database and as a file" {
    root=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-sth" | jq -r .sha256_root_hash)
    signed=$(base64 -d <<<"$root" | hex)
    [ "$(sql 'SELECT count(*) FROM evidence')" = 3 ]
    sql "SELECT l.name, e.range_begin, e.range_end, e.sentence, e.path FROM evidence AS e
         JOIN log AS l ON l.id = e.log WHERE e.kind = 'root_mismatch'" >"$PLAY/rows"
    [ "$(wc -l <"$PLAY/rows")" = 2 ]
    while IFS=$'\t' read -r name begin end sentence path; do
        echo "$name: $begin to $end: $sentence ($path)"
        [ "$begin" -ge 300 ]
        [ "$begin" -le 350 ]
        [ "$end" -gt 350 ]
        [ "$end" -le 700 ]
        [ -n "$sentence" ]
        [[ "$path" == "$STATE/"* ]]
        jq -e --arg root "$signed" --arg name "$name" --argjson begin "$begin" '.head.root == $root and
            (.computed.root | test("^[0-9a-f]{64}$")) and .computed.root != $root and .head.size == 700 and
            .log.name == $name and .begin == $begin' "$path"
        jq -r .head.raw_base64 "$path" | base64 -d | has -F "$root"
    done <"$PLAY/rows"
    [ "$(sql "SELECT count(*) FROM evidence WHERE account->'head'->>'root' = '$signed'")" = 2 ]
}

@test "others check the evidence again, from the file and from the database" {
    sql "SELECT id, path FROM evidence WHERE kind = 'root_mismatch'" >"$PLAY/rows"
    [ "$(wc -l <"$PLAY/rows")" = 2 ]
    while IFS=$'\t' read -r id path; do
        run -1 --separate-stderr env -i PATH="$PATH" "$CTVIGIL" --state-dir "$PLAY/nowhere" log verify "$path"
        echo "$output"
        [[ "$output" == *"WRONG    the entries do not give the root that the log signed: entries 300 to 699"* ]]
        [[ "$output" == *"shown    the tree in front of the entries is one that the log signed: 300 entries"* ]]
        [ ! -e "$PLAY/nowhere/pg" ]
        run -1 --separate-stderr ctv log verify --id "$id" --json
        jq -e '.verdict == "served" and .contradiction and (.known_as | length > 0) and .left_out == []' <<<"$output"
        run -1 --separate-stderr eval 'ctv log evidence --id "$id" | ctv log verify - --json'
        jq -e '.verdict == "served"' <<<"$output"
        # A flipped bit in any of what it rests on is seen.
        jq '.computed.root |= (explode | reverse | implode)' "$path" >"$PLAY/other.json"
        run -4 --separate-stderr ctv log verify "$PLAY/other.json"
        jq 'del(.entries[7])' "$path" >"$PLAY/other.json"
        run -4 --separate-stderr ctv log verify "$PLAY/other.json"
        # Without the entries it is only a claim.
        jq 'del(.entries)' "$path" >"$PLAY/other.json"
        run -0 --separate-stderr ctv log verify "$PLAY/other.json"
        [[ "$output" == *"nothing here shows"* ]]
    done <"$PLAY/rows"
    ctv log evidence --json | every_line '.open and .begin == 300 and
        .end == (if .kind == "root_mismatch" then 700 else 512 end)'
    run -2 ctv log verify
    run -4 ctv log verify /nonexistent
    run -2 ctv log verify --id 999
}

@test "status and alert say why, and where the evidence is" {
    path=$(sql "SELECT e.path FROM evidence AS e JOIN log AS l ON l.id = e.log WHERE l.name = 'rfc'")
    log_is rfc ".evidence == \"$path\" and (.reason | length > 20)"
    run -0 --separate-stderr ctv log status
    [[ "$output" == *"$path"* ]]
    id=$(ctv alert list --json | jq 'select(.log == "rfc") | .id')
    ctv alert show "$id" --json | every_line ".evidence == \"$path\""
    run -0 --separate-stderr ctv alert show "$id"
    [[ "$output" == *"$path"* ]]
}

@test "a second run: still 1, still one alert, nothing doubled" {
    dump_db >"$PLAY/before"
    run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    [ "$(alerts | wc -l)" = 2 ]
    [ "$(sql 'SELECT count(*) FROM evidence')" = 3 ]
    diff "$PLAY/before" <(dump_db)
}

@test "the log grows: indexing goes on, verification does not" {
    control '{"append":100}'
    run -1 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    for name in rfc tiles; do
        log_is $name '.position == 800 and .entries == 800 and .verified_size == 300 and .state == "inconsistent"'
    done
    [ "$(alerts | wc -l)" = 2 ]
    assert_counts
}

@test "the log serves the right bytes again: verified, the rows are right, the alert stays" {
    clear_faults
    control '{"append":1}'
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    for name in rfc tiles; do
        log_is $name '.position == 801 and .verified_size == 801'
    done
    [ "$(alerts | wc -l)" = 2 ]
    HOST_AS=127.1 add_log later rfc6962
    run -0 ingest --log later
    diff <(tiles_of later) <(tiles_of rfc)
    diff <(tiles_of later) <(tiles_of tiles)
    assert_counts
}
