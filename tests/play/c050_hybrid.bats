# A log with the heads of RFC 6962 and data tiles beside them: the same rows, by whichever way answers.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --rfc6962 --limit tiles --entries 1500 --seed 5050
    ctv log add both --protocol hybrid --url "$SIM_URL" --key "$SIM_KEY"
    ingest --log both
}

teardown_file() {
    play_end
}

@test "read once: full tiles as tiles, the rest by get-entries" {
    assert_complete both 1500
    assert_counts
    log_is both '.protocol == "hybrid"'
    control | jq -e '.requests["tile-data"] == 5 and .requests["get-entries"] == 1 and .requests.checkpoint == 0
                     and .requests["tile-hash"] == 0'
}

@test "the rows are those that get-entries alone gives" {
    HOST_AS=127.1 add_log twin rfc6962
    run -0 ingest --log twin
    assert_complete twin 1500
    diff <(tiles_of both) <(tiles_of twin)
    assert_counts
    [ "$(sql "SELECT count(*) FROM issuer_cert WHERE sha256 <> sha256(der)")" = 0 ]
}

@test "the head grows; tiles are gone, then issuers: nothing is missing" {
    control '{"append":700}' >/dev/null
    fault '5xx:1:404@tile-data'
    run -0 ingest --log both
    assert_complete both 2200
    clear_faults
    control '{"append":600}' >/dev/null
    fault '5xx:1:404@issuer'
    run -0 ingest --log both
    assert_complete both 2800
    clear_faults
    run -0 ingest --log twin
    diff <(tiles_of both) <(tiles_of twin)
    assert_counts
}

@test "--from inside a tile: the frontier comes as RFC 6962 has it" {
    HOST_AS=127.0.1 SIM_URL=${SIM_URL/127.0.0.1/127.0.1}
    ctv log add late --protocol hybrid --url "$SIM_URL" --key "$SIM_KEY" --from 300
    run -0 ingest --log late
    log_is late '.position == 2800 and .entries == 2500 and .verified_size == 2800'
    diff <(tiles_of late | tail -n +2) <(tiles_of twin | tail -n +3)
}
