# The same tree read as a static-ct log: same rows, and no request that could be spared.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 1500 --seed 2020
    add_log tiles static-ct
    ingest --log tiles
}

teardown_file() {
    play_end
}

@test "read once: every entry stored, verified, counted" {
    assert_complete tiles 1500
    assert_counts
    [ "$(sql "SELECT count(*) FROM issuer_cert WHERE sha256 = sha256(der)")" -ge 4 ]
    [ "$(sql 'SELECT count(*) FROM issuer_cert WHERE sha256 <> sha256(der)')" = 0 ]
}

@test "every data tile and every issuer is asked for once" {
    control | jq -e '.requests["tile-data"] == 6 and .requests.issuer <= 8'
}

@test "a second run asks for the checkpoint and for nothing else" {
    dump_db >"$PLAY/before"
    control | jq -c '.requests | del(.checkpoint, .other)' >"$PLAY/asked"
    run -0 ingest --log tiles
    diff "$PLAY/before" <(dump_db)
    diff "$PLAY/asked" <(control | jq -c '.requests | del(.checkpoint, .other)')
}

@test "whole chains are kept, edges are checked, and the log is asked for its roots once" {
    [ "$(sql "SELECT count(*) FROM issuer_cert")" -ge 5 ] # four issuers and their root
    background keeper "$CTVIGIL" --state-dir "$STATE" ingest
    keeper=$!
    wait_for '[ "$(sql "SELECT count(*) FROM ca_root WHERE left_at IS NULL")" = 1 ]' 60
    wait_for '[ "$(sql "SELECT count(*) FROM issuer_cert WHERE edges_at IS NULL")" = 0 ]' 60
    kill $keeper
    ended $keeper || true
    # Everybody but the root has one parent, which is the root that the log accepts.
    [ "$(sql "SELECT count(*) FROM issuer_cert AS c WHERE c.self_signed = EXISTS
              (SELECT FROM ca_edge AS e JOIN ca_root AS r ON r.sha256 = e.parent_sha256 WHERE e.child_sha256 = c.sha256)")" = 0 ]
    [ "$(sql "SELECT count(*) FROM issuer_cert AS c JOIN ca_root AS r USING (sha256) WHERE c.self_signed")" = 1 ]
    control | jq -e '.requests["get-roots"] == 1'
    # Each of them can be looked at.
    for sha256 in $(sql "SELECT encode(sha256, 'hex') FROM issuer_cert"); do
        ctv cert --json "$sha256" | jq -e --arg sha256 "$sha256" '.sha256 == $sha256 and .is_ca'
    done
    run -2 --separate-stderr ctv cert "$(printf 'a%.0s' $(seq 64))"
    [[ "$stderr" == *"not known here"* ]]
}

@test "the rows are those that RFC 6962 gives" {
    certs=$(sql 'SELECT count(*) FROM cert')
    add_log twin rfc6962
    run -0 ingest --log twin
    assert_complete twin 1500
    diff <(tiles_of tiles) <(tiles_of twin)
    [ "$(sql 'SELECT count(*) FROM cert')" = "$certs" ]
    assert_counts
    fp=$(sql "SELECT encode(tbs_fp, 'hex') FROM cert ORDER BY tbs_fp LIMIT 1")
    ctv search "fp:$fp" --json | jq -e '.sightings >= 2 and .sightings % 2 == 0'
}

@test "search finds what the tiles brought" {
    answer=$(issue other 47 both www.tiles.example '*.tiles.example')
    run -0 ingest --log tiles
    for query in host:www.tiles.example host:x.tiles.example tiles.example "fp:$(jq -r .tbs_fp <<<"$answer")"; do
        ctv search "$query" --json | jq -e --arg fp "$(jq -r .tbs_fp <<<"$answer")" --arg ca "$CA_other" \
            '.tbs_fp == $fp and .log == "tiles" and .forms == {precert: true, final: true, poisoned: false}
             and .issuer_spki_sha256 == $ca'
    done
}

@test "a partial tile grows: what is there is read on, nothing twice" {
    for step in 1 30 7 256 3; do
        before=$(sim_size)
        control "{\"append\":$step}"
        run -0 ingest --log tiles
        assert_complete tiles $((before + step))
    done
    assert_counts
    [ "$(sql "SELECT sum(last_index - first_index + 1) = max(last_index) + 1 FROM log_tile AS t JOIN log AS l
              ON l.id = t.log WHERE l.name = 'tiles'")" = t ]
}

@test "--from: an index inside a tile, now, a time" {
    start_sim --entries 900 --seed 21
    add_log from300 static-ct --from 300
    HOST_AS=127.1 add_log from512 static-ct --from 512
    HOST_AS=127.0.1 add_log fromnow static-ct --from now
    HOST_AS=localhost add_log fromtime static-ct --from "$(date -u -d '1 minute ago' +%Y-%m-%dT%H:%M:%SZ)"
    run -0 ingest --log from300 --log from512 --log fromnow --log fromtime
    ctv log status --json | jq -c 'select(.name | startswith("from"))'
    log_is from300 '.position == 900 and .entries == 600 and .verified_size == 900'
    log_is from512 '.position == 900 and .entries == 388 and .verified_size == 900'
    log_is fromnow '.position == 900 and .entries == 0'
    log_is fromtime '.position == 900 and .ranges[0].begin > 0 and .verified_size == 900'
    control '{"append":200}'
    run -0 ingest --log from300 --log from512 --log fromnow --log fromtime
    for name in from300 from512 fromnow fromtime; do
        log_is $name '.position == 1100 and .verified_size == 1100 and .state == "active"'
    done
    diff <(tiles_of fromnow | tail -n 1) <(tiles_of from512 | tail -n 1)
    kill $SIM_PID
}
