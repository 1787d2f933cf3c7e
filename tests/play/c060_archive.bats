# A log that is over, read from the zip files of its archive: the rows of the tiles themselves, whatever happens on the
# way, and nothing that is not of the signed tree.
load play
load strict

setup_file() {
    play_begin_db
    sql 'CREATE DATABASE empty'
    CTVIGIL_DB_DSN=$(sed 's/dbname=[^ ]*/dbname=empty/' <<<"$DSN") ctv db init >&2
    start_sim --entries 2989 --seed 6060
    # Some that expired: 2020 and 2024.
    for n in 1 2 3 4 5 6 7 8 9 10; do
        control "{\"issue\": {\"ca\": \"demo\", \"days\": 90, \"form\": \"final\", \"not_before\": $((1590000000 + n % 2 * 130000000)),
                  \"names\": [\"old$n.example\", \"www.old$n.example\", \"old$n.test\"]}}" >/dev/null
    done
    issue other 47 final www.arc.example >/dev/null
    eval "$(jq -r '@sh "LOG_ID=\(.log_id) ORIGIN=\(.origin)"' "$PLAY"/sim*.out)"
    export LOG_ID ORIGIN
    add_log arc static-ct
    ingest --log arc
    content >"$PLAY/wanted"
    archive whole.zip
}

teardown_file() {
    umount "$PLAY/disk" 2>/dev/null || true
    play_end
}

# fresh NAME: from here on another database of the same server, which is quicker than another server.
fresh() {
    sql "CREATE DATABASE $1 TEMPLATE empty"
    DSN=$(sed "s/dbname=[^ ]*/dbname=$1/" <<<"$DSN")
    export DSN CTVIGIL_DB_DSN=$DSN
}

# archive NAME [what archive.py takes]: writes $PLAY/NAME.
archive() {
    local name=$1
    shift
    python3 "$BATS_TEST_DIRNAME/archive.py" "$SIM_STATIC_URL" "$SIM_KEY" "$LOG_ID" "$ORIGIN" "$PLAY/$name" "$@"
}

# What the database holds, without the ranges: those of a log that goes on have no end.
content() {
    dump_db | grep -v '^range'
}

import() {
    ctv log import "$@"
}

assert_whole() {
    log_is arc '.protocol == "archive" and .position == 3000 and .verified_size == 3000 and .ended == "complete"
                and .entries == 3000 and (.ranges | length) == 1 and .state == "active" and .last_error == ""'
    diff "$PLAY/wanted" <(content)
    assert_counts
}

@test "one file: everything the log had; a second time nothing is read" {
    fresh one
    run -0 --separate-stderr import --name arc --key "$SIM_KEY" --json "$PLAY/whole.zip"
    jq -es '.[-1] | .schema == "ctvigil.log.imported.1" and .read == 3000 and .verified == 3000 and .complete
            and .key_from == "option" and .missing == []' <<<"$output"
    assert_whole
    run -0 --separate-stderr import --json "$PLAY/whole.zip"
    jq -es '.[-1] | .read == 0 and .stored == 3000 and .complete' <<<"$output"
    assert_whole
    # Nobody asks the network for it.
    control | jq '.requests' >"$PLAY/asked"
    run -0 ingest
    control | jq '.requests' | diff "$PLAY/asked" -
}

@test "a large one goes down without indexes; killed at any moment, all of it is there in the end" {
    fresh large
    export CTVIGIL_DB_BACKFILL_ENTRIES=1
    for delay in 0.2 0.4 0.6; do
        "$CTVIGIL" --state-dir "$STATE" log import --name arc --key "$SIM_KEY" "$PLAY/whole.zip" &
        sleep $delay
        kill -9 $! 2>/dev/null || true
        wait $! || true
    done
    run -0 --separate-stderr import --name arc --key "$SIM_KEY" "$PLAY/whole.zip"
    assert_whole
    [ "$(sql 'SELECT count(*) FROM cert_load')" = 0 ]
    [ "$(sql 'SELECT count(*) FROM cert WHERE not_after < now()')" = 10 ]
    # Somebody was killed before the end.
    sql 'INSERT INTO cert_load SELECT (SELECT slot FROM load_state), c.* FROM cert AS c WHERE not_after < now()'
    sql "DELETE FROM cert AS c USING issued AS i WHERE c.not_after < now() AND i.issuer = c.issuer"
    sql "UPDATE issued AS i SET n = (SELECT count(*) FROM cert AS c WHERE c.issuer = i.issuer
         AND (c.not_before AT TIME ZONE 'UTC')::date = i.day); DELETE FROM issued WHERE n = 0;
         INSERT INTO cert_load_key SELECT (SELECT slot FROM load_state), apex8, issuer, tbs_fp FROM cert_apex WHERE not_after < now();
         DELETE FROM cert_apex WHERE not_after < now()"
    run -0 --separate-stderr ctv search old1.example
    [ -z "$output" ]
    [[ $stderr == *"a backfill is under way: about "*" expired certificates that were read are not found yet"* ]]
    # Who must see all of it waits until it can.
    ctv domain add old2.test --allow-ca "spki:$CA_other" >&2
    [ "$(ctv alert list --json | jq -r 'select(.id) | .kind')" = unexpected_ca ]
    sql 'TRUNCATE domain, alert CASCADE'
    assert_whole
}

@test "killed at any moment, it goes on; the alerts are those of a log" {
    fresh live
    ctv domain add arc.example --allow-ca "spki:$CA_demo" >&2
    add_log arc static-ct
    ingest --log arc
    ctv alert list --json | jq -c 'select(.id) | del(.id, .first_seen, .state)' >"$PLAY/alerts"
    [ "$(jq -r '.kind + " " + .name' "$PLAY/alerts")" = "unexpected_ca www.arc.example" ]
    fresh killed
    ctv domain add arc.example --allow-ca "spki:$CA_demo" >&2
    for delay in 0.1 0.15 0.2 0.25 0.3; do
        "$CTVIGIL" --state-dir "$STATE" log import --name arc --key "$SIM_KEY" "$PLAY/whole.zip" &
        sleep $delay
        kill -9 $! 2>/dev/null || true
        wait $! || true
        sql 'SELECT next FROM log_range'
    done
    # Under the same name: on a slow machine none of them may have come as far as to say it.
    run -0 import --name arc --key "$SIM_KEY" "$PLAY/whole.zip"
    ctv alert list --json | jq -c 'select(.id) | del(.id, .first_seen, .state)' | diff "$PLAY/alerts" -
    sql 'TRUNCATE alert CASCADE'
    assert_whole
}

@test "the rest later, in any order" {
    fresh parts
    # As large ones are: 66,000 members, and 5 GB into the file.
    archive second.zip 5 12 zip64
    archive first.zip 0 7
    run -4 import --name arc "$PLAY/second.zip"
    [[ "$output" == *"entries 0 to 1279 are missing"* ]]
    log_is arc '.entries == 1720 and .ended == null and .ranges[0].begin == 1280 and .ranges[0].verified == 3000'
    run -0 import "$PLAY/first.zip"
    assert_whole
}

@test "nearly full: it stops, says how far it came, and goes on when there is room" {
    [ "$(id -u)" = 0 ] && mkdir "$PLAY/disk" && mount -t tmpfs -o size=1m tmpfs "$PLAY/disk" || skip "no file system can be mounted here"
    fresh nearly_full
    run -4 import --name arc "$PLAY/second.zip"
    dd if=/dev/zero of="$PLAY/disk/ballast" bs=1k count=1000
    export CTVIGIL_DB_DISK_PATH=$PLAY/disk
    run -4 import "$PLAY/first.zip"
    umount "$PLAY/disk"
    [[ "$output" == *"arc: stopped at 1720 of 3000 entries: less than 5 % of the file system of $PLAY/disk are free"*"goes on from here"* ]]
    [[ "$output" != *missing* ]]
    [ "$(sql 'SELECT count(*) FROM log_gap')" = 0 ]
    rmdir "$PLAY/disk"
    run -2 import "$PLAY/first.zip"
    mkdir "$PLAY/disk"
    run -0 import "$PLAY/first.zip"
    assert_whole
}

@test "damage: what can be read is read, the rest is named, and a good file mends it" {
    fresh damaged
    archive bad.zip damage=tile/data/002 wrong=tile/data/004 drop=tile/data/007 encrypt=tile/data/009 junk \
        small=tile/data/001 large=tile/data/006 bomb=tile/data/010
    run -4 --separate-stderr import --name arc --json "$PLAY/bad.zip"
    jq -es '.[-1] | .stored == 3000 - 7 * 256 and .verified == .stored and (.complete | not)
            and ([.missing[].begin] | sort) == [256, 512, 1024, 1536, 1792, 2304, 2560]' <<<"$output"
    grep -q 'entry 1[0-9]* is not the one of the signed tree\|damaged or breaks off\|can not be read' <<<"$stderr"
    grep -q 'entries 2304 to 2559 are missing: .*encrypted' <<<"$stderr"
    [ "$(sql "SELECT count(*) FROM evidence")" = 0 ]
    assert_counts
    run -0 import "$PLAY/whole.zip"
    assert_whole
}

@test "no issuers: stored all the same, and found" {
    fresh dagger
    archive dagger.zip no-issuer
    run -0 import --name arc "$PLAY/dagger.zip"
    log_is arc '.entries == 3000 and .verified_size == 3000 and .ended == "complete"'
    name=$(sql "SELECT split_part(names, ' ', 1) FROM cert WHERE names LIKE '%.%' LIMIT 1")
    [ -n "$name" ]
}

@test "files of no use are refused, each with the reason, and nothing is stored" {
    fresh refused
    head -c 200000 "$PLAY/whole.zip" >"$PLAY/cut.zip"
    truncate -s -30 "$PLAY/second.zip" # of the large kind
    mv "$PLAY/second.zip" "$PLAY/torn.zip"
    echo hello >"$PLAY/text.zip"
    cp "$PLAY/whole.zip" "$PLAY/signed.zip"
    archive root.zip wrong=tile/0/011.p/184
    archive note.zip drop=checkpoint
    for file in cut torn text note root nowhere; do
        run -4 import --name arc "$PLAY/$file.zip"
        [[ "$output" == *"$file.zip"* || "$output" == *"$ORIGIN"* ]]
    done
    run -2 import --name arc --key MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPIcer7RB32jt4bTEbhgUKLKvOctFD+I2hoDItFxUBlJiGFvftBuRk3fO7e1T7gC2ekyfL7XoO2oN/ObcZyc4EA== "$PLAY/whole.zip"
    [[ "$output" == *"--key is not the key of this log"* ]]
    [ "$(sql 'SELECT count(*) FROM log')" = 0 ]
    run -4 import --name arc "$PLAY/cut.zip" "$PLAY/whole.zip"
    assert_whole
}

@test "a log that is followed gets what it lacks" {
    fresh followed
    add_log arc static-ct --from 1500
    run -0 ingest --log arc
    run -0 --separate-stderr import --json "$PLAY/whole.zip"
    jq -es '.[-1] | .read == 1500 and .name == "arc" and .key_from == "database"' <<<"$output"
    log_is arc '.protocol == "static-ct" and .followed and .entries == 3000 and .position == 3000
                and .verified_size == 3000 and .ranges[0].begin == 0 and .ranges[0].verified >= 1500'
    diff "$PLAY/wanted" <(content)
    assert_counts
}
