# Validly signed heads that contradict each other or the entries.
load play

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
    [ "$(jq -r .sha256_root_hash <<<"$right")" != "$(jq -r .sha256_root_hash <<<"$wrong")" ]
    [ "$(jq .tree_size <<<"$right")" = "$(jq .tree_size <<<"$wrong")" ]
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
    clear_faults
}

@test "the same again: no second alert" {
    fault fork:same
    run timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
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
    kill $SIM_PID
}
