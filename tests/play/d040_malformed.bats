# Entries nobody can read: stored whole, counted, told; the log goes on.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 300 --seed 40
    for name in watched.example bank.example shop.example; do
        ctv domain add $name
    done
    add_logs
}

teardown_file() {
    play_end
}

@test "a certificate that is garbage: kept, counted, and the log goes on" {
    fault malformed:unwatched.example
    control '{"append":50}'
    run -0 ingest
    assert_counts
    for name in rfc tiles; do
        log_is $name '.malformed == 1 and .entries == 351 and .position == 351 and .verified_size == 351 and
            .state == "active"'
    done
    [ "$(sql "SELECT count(*) FROM malformed WHERE idx = 300 AND position('unwatched.example'::bytea IN leaf) > 0
              AND cardinality(findings) > 0")" = 2 ]
    [ "$(ctv log status | grep -c 'unreadable: 1 entry')" = 2 ]
    run -0 ctv log status --check
}

@test "it raises one alert that counts the domains it could concern" {
    ctv alert list --json | jq -es 'length == 1 and .[0].kind == "malformed" and .[0].severity == "high" and
        .[0].domain == null and (.[0].findings[0].found | test(" 3 registered domains")) and
        (.[0].sightings | map([.log, .index]) | sort) == [["rfc", 300], ["tiles", 300]]' ||
        { ctv alert list --json; return 1; }
}

@test "a domain that comes later is counted, and the list says which log it is about" {
    ctv domain add late.example
    ctv alert list --json | jq -es 'length == 1 and (.[0].findings | length) == 1 and
        (.[0].findings[0].found | test(" 4 registered domains"))' || { ctv alert list --json; return 1; }
    ctv domain remove late.example
    ctv alert list | has -E 'malformed .* log (rfc|tiles) '
}

@test "one that holds a watched name names the domain, and only that" {
    fault malformed:www.watched.example
    run -0 ingest
    ctv alert list --json | jq -es 'map(select(.domain != null)) | length == 1 and .[0].domain == "watched.example" and
        .[0].severity == "high" and (.[0].sightings | length) == 2' || { ctv alert list --json; return 1; }
}

@test "an entry of a type nobody knows (RFC 6962)" {
    start_sim --rfc6962 --entries 100 --seed 41
    fault unknown-type
    control '{"append":20}'
    add_log odd rfc6962
    run -0 ingest --log odd
    log_is odd '.malformed == 1 and .entries == 121 and .position == 121 and .verified_size == 121 and
        .state == "active"'
    ctv alert list --json | jq -es 'map(select(.sightings | any(.log == "odd"))) | length == 1 and
        .[0].kind == "malformed"'
    [ "$(sql "SELECT count(*) FROM malformed AS m JOIN log AS l ON l.id = m.log WHERE l.name = 'odd' AND m.idx = 100
              AND position('nobody has defined'::bytea IN leaf) > 0 AND 'leaf_entry_type' = ANY (findings)")" = 1 ]
    ctv log remove odd
    kill $SIM_PID
}

@test "a tile that can not be read behind an entry stops that log only, there, and says so once" {
    start_sim --entries 100 --seed 42
    fault unknown-type
    control '{"append":20}'
    add_log stuck static-ct
    control '{"append":0}'
    run -4 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once
    log_is stuck '(.last_error | contains("entry 100 ")) and .position == 100 and .entries == 100'
    log_is rfc '.position == .head_size and .verified_size == .head_size'
    ctv alert list --json | jq -es 'map(select(.sightings | any(.log == "stuck"))) | length == 1 and
        .[0].kind == "malformed" and .[0].domain == null and .[0].sightings[0].index == 100' ||
        { ctv alert list --json; return 1; }
    run -3 ctv log status --check
    ctv log remove stuck
    kill $SIM_PID
}

@test "extra_data that nobody can read: the certificate is stored, found and matched all the same" {
    start_sim --rfc6962 --entries 20 --seed 43
    add_log broken rfc6962
    ctv domain add picky.example --allow-ca "spki:$CA_demo"
    for form in null text junk; do
        index=$(issue other 90 precert $form.picky.example | jq .index)
        control '{"append":1}'
        fault "extra:$index:$form"
        run -0 ingest --log broken
        ctv search $form.picky.example --json | jq -es 'length == 1'
        [ "$(sql "SELECT count(*) FROM log_range AS r JOIN log AS l ON l.id = r.log
                  WHERE l.name = 'broken' AND r.verified = r.next")" = 1 ]
    done
    ctv alert list --json --domain picky.example |
        jq -es 'length == 3 and all(.kind == "unexpected_ca") and (map(.sightings[0].verified) | all)' ||
        { ctv alert list --json --domain picky.example; return 1; }
    log_is broken '.state == "active" and .last_error == ""'
    ctv log remove broken
    ctv domain remove picky.example
    kill $SIM_PID
}

@test "a second run changes nothing" {
    dump_db >"$PLAY/before"
    run -0 ingest
    diff "$PLAY/before" <(dump_db)
}
