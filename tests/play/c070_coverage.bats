# Up to when nothing was missed, and what could have been: logs of three operators, one of them behind, one silent at
# first; and logs that are out of date.
load play
load strict

setup_file() {
    BEGUN=$(date +%s) # no head is older
    export BEGUN
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
    domain_is '.complete_since == null and (.complete_until | fromdate? // (sub("\\.[0-9]+"; "") | fromdate)) > '"$BEGUN"' - 1
        and .left_out != null and .incomplete == []'
    ctv log status --json | every_line '(.coverage | length) == 1 and .coverage[0].state == "verified"
        and .coverage[0].begin == 0 and .coverage[0].end == 120 and .coverage[0].entries == 120
        and .coverage[0].time_end != null and .head_age_s < now - $begun + 1 and .stale == false' --argjson begun "$BEGUN"
    run -0 ctv domain list
    [[ "$output" == *"complete for certificates that logs took in up to 20"*"not counted on: Operator"* ]]
    [ "$(sql "SELECT count(*) FROM domain_coverage WHERE complete_since = '-infinity' AND complete_until > to_timestamp($BEGUN - 1)")" = 1 ]
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

@test "what a log promises and was not read is in the ledger" {
    run -0 ingest
    domain_is '.incomplete == []'
    sql "INSERT INTO log_head (log, size, root, timestamp, raw) SELECT id, 150, sha256(''), now(), '' FROM log WHERE name = 'b'"
    domain_is '.complete_until != null and (.incomplete | length) == 1
        and (.incomplete[0] | .reason == "missing" and .begin == 130 and .end == 150 and .operator == "Operator b")'
    log_is b '.coverage | map(.state) == ["verified", "missing"] and .[1].entries == 20'
    sql "DELETE FROM log_head WHERE size = 150"
}

@test "a log that is silent when it is listed, of an operator whom no list named before" {
    start_sim --entries 300 --seed 77
    SIM_d=$(head -n 1 "$PLAY/sim$(($(wc -l <"$PLAY/pids") - 1)).out")
    list a b c d=http://127.0.0.1:9/gone >"$PLAY/list.json"
    run -0 ctv log update
    [[ "$output" == *"new in the log list: Operator d"* ]]
    run -0 ctv log list
    [[ "$output" == *"new in the log list: Operator d"* ]]
    domain_is '.left_out == "Operator d" and .complete_until != null and (.incomplete | map(.reason)) == ["not_begun"]'
    # As if it were one of the first list, to be read from now on.
    sql "DELETE FROM log_range WHERE log = (SELECT id FROM log WHERE name = 'd');
         UPDATE log SET from_spec = 'now' WHERE name = 'd'"
    list a b c d >"$PLAY/list.json"
    run -0 ctv log update
    run -0 ingest
    log_is d '.ranges[0].begin == 300 and (.coverage | map(.state)) == ["missing"]'
    run -0 ctv log status
    [[ "$output" == *"missing: entries 0 to 299, logged before 20"* ]]
    domain_is 'any(.incomplete[]; .reason == "missing" and .begin == 0 and (.why | contains("now")))'
}

@test "a log that stands still is one alert, closed when it goes on; all of them at once are our clock" {
    stale="UPDATE log_head SET timestamp = timestamp - interval '30 hours', timestamp_ms = timestamp_ms - 108000000"
    # Away, so that nothing newer comes before somebody looks.
    sql "UPDATE log SET url = 'http://127.0.0.1:9/' || url;
         $stale WHERE log = (SELECT id FROM log WHERE name = 'a')"
    run -3 ctv log status --check
    background stale "$CTVIGIL" --state-dir "$STATE" ingest
    reader=$!
    wait_for '[ "$(sql "SELECT count(*) FROM log_incident")" = 1 ]' 60
    ctv alert list --json | jq -es 'length == 1 and (.[0] | .kind == "log_stale" and .log == "a" and .domain == null
        and .findings[0].rule == "head_age" and .state == "new")'
    kill $reader
    ended $reader || true # it writes nothing any more
    sql "UPDATE log SET url = replace(url, 'http://127.0.0.1:9/', '')"
    wait_for 'ingest && [ "$(sql "SELECT count(*) FROM log_incident")" = 0 ]' 120
    ctv alert list --json | jq -es 'length == 1 and (.[0] | .state == "closed" and (.reason | contains("well again")))'
    run -0 ctv log status --check
    sql "UPDATE log SET url = 'http://127.0.0.1:9/' || url; $stale"
    background clock "$CTVIGIL" --state-dir "$STATE" ingest
    reader=$!
    wait_for '[ "$(sql "SELECT count(*) FROM log_incident")" = 1 ]' 60
    kill $reader
    ended $reader || true
    ctv alert list --json | jq -es 'length == 2 and (.[0] | .log == null and .findings[0].rule == "clock_ahead")'
}

@test "the tables fit the terminal" {
    for columns in 80 120; do
        for table in list status; do
            script -qec "stty cols $columns; '$CTVIGIL' --state-dir '$STATE' log $table" /dev/null </dev/null |
                tr -d '\r' | tee /dev/stderr | awk -v columns=$columns '/^(log list|new in|  )/ { next }
                    length($0) > columns { bad = 1 } END { exit bad }'
        done
    done
}
