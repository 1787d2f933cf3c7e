# Up to when nothing was missed, and what could have been: logs of three operators, one of them behind, one silent at
# first; and logs that are out of date.
load play

setup_file() {
    play_begin_db
    for name in a b c; do
        start_sim --entries 120 --seed "7$(printf %d "'$name")"
        eval "SIM_$name=\$(head -n 1 \"\$PLAY/sim\$((\$(wc -l <"$PLAY/pids") - 1)).out\")"
    done
    PLAY_LOG_LIST=$PLAY/list.json
    export SIM_a SIM_b SIM_c PLAY_LOG_LIST CTVIGIL_INGEST_LOG_LIST=$PLAY_LOG_LIST CTVIGIL_INGEST_LOG_LIST_FROM=0 \
        CTVIGIL_INGEST_CONTACT=operator@watch.test
    list a b c >"$PLAY/list.json"
    ctv domain add coverage.example
}

teardown_file() {
    play_end
}

# list NAME...: a log list with one operator per log; NAME=URL puts it elsewhere.
list() {
    local name url sim
    for name in "$@"; do
        url=${name#*=}
        sim=SIM_${name%%=*}
        jq -c --arg name "${name%%=*}" --arg url "$url" '{name: ("Operator " + $name), email: [], tiled_logs: [],
            logs: [{description: ("Op '\''" + $name + "'\'' log"), log_id, key, mmd: 60,
                    url: (if $url == $name then .url else $url end),
                    state: {usable: {timestamp: "2026-01-01T00:00:00Z"}}}]}' <<<"${!sim}"
    done | jq -s --arg version "1.$(($(date +%s%N) / 10000000 % 2000000000))" --arg at "$(date -u +%FT%TZ)" \
        '{version: $version, log_list_timestamp: $at, operators: .}'
}

domain_is() {
    ctv domain list --json | jq -c '{coverage_basis, complete_since, complete_until, left_out, incomplete}' |
        tee /dev/stderr | jq -e "$1" >/dev/null
}

@test "nothing is promised while nothing is read, and the reasons are named" {
    domain_is '.coverage_basis == "none" and .complete_until == null and (.incomplete | map(.reason)) == ["no_policy"]'
    run -0 ctv log update
    domain_is '.coverage_basis == "policy" and .complete_until == null and (.incomplete | length) == 3
        and all(.incomplete[]; .reason == "not_begun" and .log != null)'
    run -0 ctv domain list
    [[ "$output" == *"nothing can be said to be complete yet"* ]]
}

@test "all is read: complete from the first entries to the newest heads but one" {
    run -0 ingest
    domain_is '.complete_since == null and (.complete_until | fromdate? // (sub("\\.[0-9]+"; "") | fromdate)) > now - 60
        and .left_out != null and .incomplete == []'
    ctv log status --json | every_line '(.coverage | length) == 1 and .coverage[0].state == "verified"
        and .coverage[0].begin == 0 and .coverage[0].end == 120 and .coverage[0].entries == 120
        and .coverage[0].time_end != null and .head_age_s < 60 and .stale == false'
    run -0 ctv domain list
    [[ "$output" == *"complete for certificates that logs took in up to 20"*"not counted on: Operator"* ]]
    [ "$(sql "SELECT count(*) FROM domain_coverage WHERE complete_since = '-infinity' AND complete_until > now() - interval '1 minute'")" = 1 ]
}

@test "one operator may lag, two may not" {
    before=$(sql "SELECT complete_until FROM domain_coverage")
    sleep 1
    for sim in "$SIM_a" "$SIM_b" "$SIM_c"; do
        SIM_CONTROL=$(jq -r .control <<<"$sim") control '{"append":10}' >/dev/null
    done
    run -0 ingest --log c
    # a and b were not asked: the statement stands where it stood.
    [ "$(sql "SELECT complete_until < timestamptz '$before' + interval '1 second' FROM domain_coverage")" = t ]
    run -0 ingest --log b
    [ "$(sql "SELECT complete_until >= timestamptz '$before' + interval '1 second' AND left_out = 'Operator a' FROM domain_coverage")" = t ]
}

@test "what a log promises and was not read is in the ledger, and holds the promise back only with a second one" {
    sql "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 150, sha256(''), now(), '' FROM log WHERE name = 'b'"
    sql "SELECT name, state, range_begin, range_end FROM coverage ORDER BY 1, 3"
    domain_is '.left_out == "Operator b" and (.incomplete | length) == 1
        and (.incomplete[0] | .reason == "missing" and .begin == 130 and .end == 150 and .operator == "Operator b")'
    sql "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 140, sha256(''), now(), '' FROM log WHERE name = 'c'"
    domain_is '(.incomplete | length) == 2'
    [ "$(sql "SELECT complete_until < now() - interval '1 second' FROM domain_coverage")" = t ]
    sql "DELETE FROM log_head WHERE size IN (140, 150)"
}

@test "a log that is silent when it is listed begins where it stood then" {
    start_sim --entries 300 --seed 77
    SIM_d=$(head -n 1 "$PLAY/sim$(($(wc -l <"$PLAY/pids") - 1)).out")
    list a b c d=http://127.0.0.1:9/gone >"$PLAY/list.json"
    run -0 ctv log update
    [[ "$output" == *"new in the log list: Operator d"* ]]
    run -0 ctv log list
    [[ "$output" == *"new in the log list: Operator d"* ]]
    # As if it were one of the first list, and an hour and a bit after its entry 200 had come.
    stamp=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-entries?start=200&end=200" | jq -r '.entries[0].leaf_input' |
        base64 -d | od -An -tu8 --endian=big -j2 -N8 | tr -d ' ')
    sql "DELETE FROM log_range WHERE log = (SELECT id FROM log WHERE name = 'd');
         UPDATE log SET from_spec = 'now', added_at = to_timestamp($stamp / 1000.0) + interval '1 hour' WHERE name = 'd'"
    list a b c d >"$PLAY/list.json"
    run -0 ctv log update
    log_is "d" '.ranges[0].begin > 190 and .ranges[0].begin <= 201'
    run -0 ingest
    log_is "d" '.coverage | map(.state) == ["missing", "verified"] and .[0].end == .[1].begin and .[1].end == 300'
    run -0 ctv log status
    [[ "$output" == *"missing: entries 0 to "* ]]
    domain_is 'any(.incomplete[]; .reason == "missing" and .begin == 0 and (.why | contains("now")))'
}

@test "a log that stands still is one alert, closed when it goes on; all of them at once are our clock" {
    stale="UPDATE log_head SET timestamp = timestamp - interval '30 hours', timestamp_ms = timestamp_ms - 108000000"
    sql "$stale WHERE log = (SELECT id FROM log WHERE name = 'a')"
    run -3 ctv log status --check
    run -0 ingest
    ctv alert list --json | jq -es --arg log "a" 'length == 1 and (.[0] | .kind == "log_stale" and .log == $log
        and .domain == null and .findings[0].rule == "head_age" and .state == "new")'
    run -0 ingest
    ctv alert list --json | jq -es 'length == 1 and (.[0] | .state == "closed" and (.reason | contains("well again")))'
    run -0 ctv log status --check
    sql "$stale"
    run -0 ingest
    ctv alert list --json | jq -es 'length == 2 and (.[0] | .log == null and .findings[0].rule == "clock_ahead")'
}

@test "the tables fit the terminal" {
    for columns in 80 120; do
        for table in list status; do
            script -qec "stty cols $columns; '$CTVIGIL' --state-dir '$STATE' log $table" /dev/null </dev/null |
                tr -d '\r' | tee /dev/stderr | awk -v columns=$columns '/^(log list|new in|  )/ { next }
                    length($0) > columns && ! /http/ { bad = 1 } END { exit bad }'
        done
    done
}
