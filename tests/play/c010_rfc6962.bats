# A log read by RFC 6962, from registration to search. What is expected comes from the log and from OpenSSL.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 1500 --seed 6962
    add_log rfc rfc6962
    ingest --log rfc
}

teardown_file() {
    play_end
}

@test "read once: every entry stored, verified, counted" {
    assert_complete rfc 1500
    assert_counts
    [ "$(sql "SELECT sum(last_index - first_index + 1) FROM log_tile")" = 1500 ]
    [ "$(sql "SELECT count(*) FROM log_head WHERE size = 1500 AND verified")" = 1 ]
    ctv log status --json | every_line '.schema and (.head_time | test("^20.*Z$")) and (.ranges | length == 1)
        and .ranges[0].begin == 0 and .ranges[0].end == null and .ranges[0].next == 1500'
    run -0 --separate-stderr ctv log status
    [[ "$output" == *rfc* && "$output" == *1500* ]]
    run -0 ctv log list
    [[ "$output" == *"$SIM_URL"* ]]
}

@test "no alert and no certificate are no silence" {
    run -0 --separate-stderr ctv alert list
    [ -z "$output" ]
    [ "$stderr" = "ctvigil: no alerts" ]
    run -0 --separate-stderr ctv alert list --json
    [ -z "$output$stderr" ]
    run -0 --separate-stderr ctv search nowhere.example
    [ -z "$output" ]
    [ "$stderr" = "ctvigil: no certificates match" ]
    run -0 --separate-stderr ctv search nowhere.example --json
    [ -z "$output$stderr" ]
}

@test "a second run asks for the head and for nothing else" {
    dump_db >"$PLAY/before"
    asked=$(control | jq '.requests["get-entries"]')
    run -0 ingest --log rfc
    [ "$(control | jq '.requests["get-entries"]')" = "$asked" ]
    diff "$PLAY/before" <(dump_db)
}

@test "certificates of the log are found by every name, serial, hash and key" {
    tried=0
    for index in 255 256 1024 1499; do
        logged_cert $index >"$PLAY/cert.der" || continue
        tried=$((tried + 1))
        sha256=$(openssl x509 -inform DER -in "$PLAY/cert.der" -outform DER | sha256sum | cut -d' ' -f1)
        serial=$(openssl x509 -inform DER -in "$PLAY/cert.der" -noout -serial | cut -d= -f2)
        spki=$(openssl x509 -inform DER -in "$PLAY/cert.der" -noout -pubkey | openssl pkey -pubin -outform DER |
            sha256sum | cut -d' ' -f1)
        ctv search "sha256:$sha256" --json >"$PLAY/found"
        [ "$(wc -l <"$PLAY/found")" = 1 ]
        fp=$(jq -r .tbs_fp "$PLAY/found")
        openssl x509 -inform DER -in "$PLAY/cert.der" -noout -ext subjectAltName | grep -o 'DNS:[^,]*' | cut -d: -f2 |
            sort -u >"$PLAY/names"
        diff "$PLAY/names" <(jq -r '.names[]' "$PLAY/found" | sort -u)
        jq -e --arg spki "$spki" --arg serial "${serial,,}" --argjson index $index \
            '.spki_sha256 == $spki and .serial == $serial and .log == "rfc" and .forms.final == true
             and .index <= $index and .sightings >= 1' "$PLAY/found"
        for query in "${sha256^^}" "serial:$serial" "spki:$spki" "$spki" "fp:$fp"; do
            ctv search "$query" --limit 1000 --json | some_line '.tbs_fp == $fp' --arg fp "$fp" >/dev/null ||
                { echo "$index is not found by $query"; return 1; }
        done
        while read -r name; do
            for query in "name:$name" "${name#\*.}" "host:${name/#\*/any}"; do
                ctv search "$query" --limit 1000 --json | some_line '.tbs_fp == $fp' --arg fp "$fp" >/dev/null ||
                    { echo "$index is not found by $query"; return 1; }
            done
        done <"$PLAY/names"
    done
    [ $tried -ge 1 ]
}

@test "a certificate issued now: names, wildcards and addresses, both forms one issuance" {
    answer=$(control '{"issue":{"ca":"demo","days":90,"form":"both","ip":["198.18.0.7","2001:db8:7::7"],
                       "names":["www.kinds.example","*.api.kinds.example"]}}')
    run -0 ingest
    fp=$(jq -r .tbs_fp <<<"$answer")
    for query in fp:$fp host:www.kinds.example host:x.api.kinds.example "name:*.api.kinds.example" kinds.example \
        sub:api.kinds.example .kinds.example ip:198.18.0.7 ip:198.18.0.0/24 ip:2001:db8:7::7 ip:2001:db8:7::/48 \
        host:WWW.Kinds.EXAMPLE. "serial:$(ctv search "fp:$fp" --json | jq -r .serial)" \
        "spki:$(jq -r .spki <<<"$answer")"; do
        echo "$query"
        ctv search "$query" --json >"$PLAY/found"
        [ "$(wc -l <"$PLAY/found")" = 1 ]
        jq -e --arg fp "$fp" '.tbs_fp == $fp' "$PLAY/found"
    done
    jq -e --arg ca "$CA_demo" '.forms == {precert: true, final: true, poisoned: false} and .sightings == 2 and
        .issuer_spki_sha256 == $ca and (.ips | sort) == ["198.18.0.7", "2001:db8:7::7"] and
        (.names | sort) == ["*.api.kinds.example", "www.kinds.example"] and
        (.issuer | test("Demo Trust")) and (.not_before | endswith("Z"))' "$PLAY/found"
    for sha256 in $(jq -r ".entries[].sha256" <<<"$answer"); do
        ctv search "sha256:$sha256" --json | jq -e --arg fp "$fp" '.tbs_fp == $fp'
    done
    for query in host:api.kinds.example host:a.b.api.kinds.example name:kinds.example host:other.kinds.example \
        sub:nds.example ip:198.18.0.8 ip:2001:db9::/32 serial:00 "fp:$(printf '0%.0s' {1..64})"; do
        run -0 --separate-stderr ctv search "$query" --json
        echo "$query: $output"
        [ -z "$output" ]
    done
    run -0 --separate-stderr ctv search host:www.kinds.example
    [[ "$output" == *www.kinds.example* ]]
}

@test "queries that mean nothing are refused with 2" {
    for query in "" "frob:x" "ip:300.1.1.1" "ip:192.0.2.0/33" "sha256:abc" "serial:xyz" "spki:" "fp:00" "host:"; do
        run -2 --separate-stderr ctv search "$query"
        echo "$query: $stderr"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
    done
    run -2 --separate-stderr ctv search kinds.example --after nonsense
    [ -z "$output" ]
}

@test "paging gives every row exactly once, newest first" {
    for i in $(seq 1 25); do
        issue demo $((30 + i)) precert "p$i.paging.example" "q$i.paging.example" >/dev/null
    done
    run -0 ingest
    : >"$PLAY/rows"
    after=() pages=0
    while :; do
        ctv search paging.example --limit 7 "${after[@]}" --json >"$PLAY/page"
        jq -c 'select(.tbs_fp)' "$PLAY/page" >>"$PLAY/rows"
        cursor=$(jq -r '.cursor // empty' "$PLAY/page")
        pages=$((pages + 1))
        [ -n "$cursor" ] || break
        [ "$(wc -l <"$PLAY/page")" = 8 ]
        jq -s -e '.[-1] | has("cursor")' "$PLAY/page"
        after=(--after "$cursor")
        [ $pages -lt 9 ]
    done
    [ $pages = 4 ]
    [ "$(wc -l <"$PLAY/rows")" = 25 ]
    [ "$(jq -r .tbs_fp "$PLAY/rows" | sort -u | wc -l)" = 25 ]
    jq -r .not_before "$PLAY/rows" | sort -rc
    diff <(jq -c . "$PLAY/rows") <(ctv search paging.example --json --limit 1000 | jq -c .)
    # Rows that come meanwhile are newer: they move no page.
    cursor=$(ctv search paging.example --limit 20 --json | jq -r '.cursor // empty')
    issue demo 90 precert new.paging.example >/dev/null
    run -0 ingest
    [ "$(ctv search paging.example --limit 20 --after "$cursor" --json | wc -l)" = 5 ]
}

@test "every page into a file, counts, and a cursor that fits its own search only" {
    run -0 --separate-stderr ctv search paging.example --count
    [ "$output" = 26 ]
    run -0 ctv search paging.example --count=exact --json
    [ "$(jq .total <<<"$output")" = 26 ]
    run -0 --separate-stderr ctv search paging.example --all --limit 4 --format csv --out "$PLAY/all.csv"
    [ "$(grep -c $'\r$' "$PLAY/all.csv")" = 27 ]
    # Where rows could not be written, a cursor behind them would lose them.
    run -4 --separate-stderr bash -c '"$@" >/dev/full' _ "$CTVIGIL" --state-dir "$STATE" search paging.example --limit 4 --format csv
    [[ $stderr == *"can not be written"* && $stderr != *--after* ]]
    run ! compgen -G "$PLAY/all.csv?*"
    run -0 --separate-stderr ctv search paging.example --all --format ndjson --out "$PLAY/all.json"
    [ "$(wc -l <"$PLAY/all.json")" = 26 ]
    diff <(jq -r .tbs_fp "$PLAY/all.json") <(tail -n +2 "$PLAY/all.csv" | cut -d, -f1)
    cursor=$(ctv search paging.example --limit 20 --json | jq -r '.cursor // empty')
    for words in "search host:paging.example" "search paging.example --exclude-expired" "search paging.example --form final"; do
        run -2 --separate-stderr ctv $words --after "$cursor"
        [[ -z "$output" && "$stderr" == *"another search"* ]]
    done
    run -2 --separate-stderr ctv search paging.example --after "${cursor%?}"
    [[ "$stderr" == *"not all of it"* ]]
    run -0 --separate-stderr ctv search paging.example --form final --count
    [ "$output" = 0 ]
    run -0 --separate-stderr ctv search text:q7.pag --json
    [ "$(wc -l <<<"$output")" = 1 ]
    id=$(jq .issuer_id <<<"$output")
    [ "$(ctv search paging.example --issuer "$id" --count 2>/dev/null)" = 26 ]
    run -0 --separate-stderr ctv search paging.example --issuer "no such issuer"
    [[ -z "$output" && "$stderr" == *"no issuer"* ]]
}

@test "a disk that gets full leaves whole rows, and a cursor that goes on behind them" {
    [ "$(id -u)" = 0 ] && mkdir "$PLAY/disk" && mount -t tmpfs -o size=128k tmpfs "$PLAY/disk" || skip "no file system can be mounted here"
    run -0 --separate-stderr ctv search text:. --all --format ndjson --out "$PLAY/every.json"
    [ "$(stat -c %s "$PLAY/every.json")" -gt 200000 ]
    echo mine >"$PLAY/disk/some.json"
    "$CTVIGIL" --state-dir "$STATE" search text:. --all --limit 1000 --format ndjson --out "$PLAY/disk/some.json" >"$PLAY/full.out" 2>"$PLAY/full.err" && status=0 || status=$?
    ls "$PLAY/disk" >"$PLAY/full.ls"
    mv "$PLAY/disk/some.json" "$PLAY/disk/some.json.partial" "$PLAY"
    # Not one row: nothing is kept, and no cursor is said.
    dd if=/dev/zero of="$PLAY/disk/ballast" bs=1k 2>/dev/null || true
    "$CTVIGIL" --state-dir "$STATE" search text:. --all --format csv --out "$PLAY/disk/none.csv" 2>"$PLAY/none.err" && none=0 || none=$?
    ls "$PLAY/disk" >"$PLAY/none.ls"
    umount "$PLAY/disk"
    cat "$PLAY/full.err" "$PLAY/none.err"
    [[ $status = 4 && $none = 4 && ! -s "$PLAY/full.out" ]]
    [ "$(cat "$PLAY/full.ls")" = some.json$'\n'some.json.partial ]
    [ "$(cat "$PLAY/some.json")" = mine ]
    grep -q "some.json can not be written (No space left on device)" "$PLAY/full.err"
    rows=$(wc -l <"$PLAY/some.json.partial")
    [ "$rows" -ge 64 ]
    [ "$(tail -1 "$PLAY/full.err")" = "ctvigil: $PLAY/disk/some.json.partial: $rows certificates; not all, go on with --after and another file where there is room" ]
    cursor=$(sed -n 's/.*--after \([^ ]*\)$/\1/p' "$PLAY/full.err")
    run -0 --separate-stderr ctv search text:. --all --format ndjson --out "$PLAY/others.json" --after "$cursor"
    cat "$PLAY/some.json.partial" "$PLAY/others.json" | diff - "$PLAY/every.json"
    [ "$(cat "$PLAY/none.ls")" = ballast ]
    grep -q "nothing of it is kept" "$PLAY/none.err"
    run ! grep -e --after "$PLAY/none.err"
}

@test "issuers in the forms that name a CA elsewhere" {
    ctv search paging.example --limit 1 --json >"$PLAY/one.json"
    spki=$(jq -r 'select(.issuer_spki_sha256).issuer_spki_sha256' "$PLAY/one.json")
    [ "$(ctv search paging.example --issuer "spki:${spki^^}" --count 2>/dev/null)" = 26 ]
    [ "$(ctv search "issuer:spki:$spki" --count 2>/dev/null)" -ge 26 ]
    # An owner whose name is in no certificate, and a domain of CAA records.
    sql "INSERT INTO trust_bundle (dated, sha256, report) VALUES (now(), sha256('play'), '[]');
         INSERT INTO trust_part SELECT unnest(ARRAY['owners', 'caa']), max(id) FROM trust_bundle;
         INSERT INTO trust_caa VALUES ('ca:quayside', true, '\\x$spki', 'Quayside'), ('quayside.example', true, '\\x$spki', 'Quayside')"
    for name in "ca:Quayside" "ca: QUAYSIDE" quayside.example; do
        [ "$(ctv search paging.example --issuer "$name" --count 2>/dev/null)" = 26 ] || { echo "$name"; return 1; }
    done
    cursor=$(ctv search paging.example --issuer ca:Quayside --limit 20 --json | jq -r '.cursor // empty')
    [ "$(ctv search paging.example --issuer ca:Quayside --after "$cursor" --json | wc -l)" = 6 ]
    run -2 --separate-stderr ctv search paging.example --issuer ca:Quaysid
    [[ -z "$output" && "$stderr" == *"did you mean 'ca:Quayside'"*"without ca:" ]]
    run -2 --separate-stderr ctv search issuer:ca:Nobody --count
    [[ -z "$output" && "$stderr" == *"no CA of that name is known"* ]]
    sql "TRUNCATE trust_caa; DELETE FROM trust_part; DELETE FROM trust_bundle"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -days 9 -keyout "$PLAY/other.key" -out "$PLAY/other.pem" 2>/dev/null
    run -0 --separate-stderr ctv search paging.example --issuer "cert:$PLAY/other.pem"
    [[ -z "$output" && "$stderr" == *"no issuer that is stored"* ]]
    openssl x509 -in "$PLAY/other.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1 >"$PLAY/other.spki"
    sql "INSERT INTO issuer (spki_sha256, dn_sha256, dn, dn_text) VALUES ('\\x$(cat "$PLAY/other.spki")', sha256('x'), 'x', 'CN=other')"
    run -0 --separate-stderr ctv search paging.example --issuer "cert:$PLAY/other.pem"
    [[ -z "$output" && "$stderr" != *"no issuer"* ]]
    run -2 --separate-stderr ctv search paging.example --issuer cert:/no/such/file
    [[ "$stderr" == *"No such file"* ]]
    run -2 --separate-stderr ctv search paging.example --issuer spki:12
    [[ "$stderr" == *"64 hex digits"* ]]
}

# Somebody who has all certificates to himself for as long as he likes; told of by how many wait for them then.
lock_cert() {
    psql -XqAt -d "$DSN" -c 'BEGIN; LOCK TABLE cert; SELECT pg_sleep(600)' >/dev/null 2>&1 3>&- &
}

cert_locks() {
    sql "SELECT count(*) FILTER (WHERE granted AND mode = 'AccessExclusiveLock') || ' ' || count(*) FILTER (WHERE NOT granted)
         FROM pg_locks WHERE relation = 'cert'::regclass"
}

unlock_cert() {
    sql "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'cert'::regclass AND granted"
}

# Nobody has them any longer than the test that asked for it.
teardown() {
    play_logs
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LOCK TABLE cert;%' AND pid <> pg_backend_pid()" >/dev/null
}

@test "an export that is interrupted leaves what it has, and a cursor that goes on behind it" {
    lock_cert
    wait_for '[ "$(cert_locks)" = "1 0" ]' 60
    "$CTVIGIL" --state-dir "$STATE" search paging.example --all --limit 4 --format csv --out "$PLAY/cut.csv" 2>"$PLAY/cut.err" &
    search=$!
    wait_for '[ "$(cert_locks)" = "1 1" ]' 60
    # The next one is behind the first page and in front of the second.
    lock_cert
    wait_for '[ "$(cert_locks)" = "1 2" ]' 60
    unlock_cert
    wait_for '[ "$(cert_locks)" = "1 1" ]' 60
    kill -INT $search
    # It does not wait for its turn, and neither does its statement.
    wait $search && false || [ $? = 4 ]
    wait_for '[ "$(cert_locks)" = "1 0" ]' 60
    unlock_cert
    cat "$PLAY/cut.err"
    grep -q "interrupted; the database was told to stop" "$PLAY/cut.err"
    [ ! -e "$PLAY/cut.csv" ]
    [ "$(wc -l <"$PLAY/cut.csv.partial")" = 5 ]
    cursor=$(sed -n 's/.*--after \([^ ]*\)$/\1/p' "$PLAY/cut.err")
    run -0 --separate-stderr ctv search paging.example --all --format csv --out "$PLAY/rest.csv" --after "$cursor"
    diff <(tail -n +2 "$PLAY/cut.csv.partial"; tail -n +2 "$PLAY/rest.csv") <(tail -n +2 "$PLAY/all.csv")
}

@test "one page, and a count, that are interrupted end at once, on the server, too" {
    lock_cert
    wait_for '[ "$(cert_locks)" = "1 0" ]' 60
    for option in --json --count; do
        "$CTVIGIL" --state-dir "$STATE" search paging.example "$option" >"$PLAY/page.out" 2>"$PLAY/page.err" &
        search=$!
        wait_for '[ "$(cert_locks)" = "1 1" ]' 60
        kill -INT $search
        wait $search && false || [ $? = 4 ]
        wait_for '[ "$(cert_locks)" = "1 0" ]' 60
        grep -q "interrupted; the database was told to stop" "$PLAY/page.err"
        [ ! -s "$PLAY/page.out" ]
    done
    unlock_cert
}

# Whether PID has a handler for SIGINT.
catches_int() {
    local mask
    mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
    [ $((0x$mask & 2)) != 0 ]
}

@test "a search that is interrupted while its reader does not read loses no row in the middle" {
    ctv search text:. --limit 1000 --json >"$PLAY/whole"
    [ "$(wc -l <"$PLAY/whole")" = 1001 ]
    mkfifo "$PLAY/pipe"
    exec 8<>"$PLAY/pipe"
    "$CTVIGIL" --state-dir "$STATE" search text:. --limit 1000 --json >"$PLAY/pipe" 2>"$PLAY/pipe.err" 8>&- &
    search=$!
    exec 9<"$PLAY/pipe" 8>&-
    # The pipe is full.
    wait_for '[ "$(sed -n "s/^wchar: //p" /proc/'$search'/io)" -ge 65536 ]' 60
    catches_int $search
    kill -INT $search
    wait_for '! catches_int '$search 60
    cat <&9 >"$PLAY/pipe.out"
    exec 9<&-
    wait $search && false || [ $? = 4 ]
    jq -c 'select(.tbs_fp)' "$PLAY/pipe.out" >"$PLAY/pipe.rows"
    cursor=$(jq -r '.cursor // empty' "$PLAY/pipe.out")
    rows=$(wc -l <"$PLAY/pipe.rows")
    [ "$rows" -ge 60 ]
    [ "$rows" -lt 1000 ]
    ctv search text:. --limit $((1000 - rows)) --after "$cursor" --json | jq -c 'select(.tbs_fp)' >"$PLAY/pipe.rest"
    diff <(cat "$PLAY/pipe.rows" "$PLAY/pipe.rest") <(jq -c 'select(.tbs_fp)' "$PLAY/whole")
}

@test "a database that is not there: 4, in bounded time, and in words" {
    run -4 --separate-stderr timeout 60 "$CTVIGIL" --db "host=$PLAY/nowhere dbname=x" search a.example
    [[ -z "$output" && "$stderr" != *SELECT* ]]
    sql 'ALTER TABLE cert RENAME COLUMN serial TO serial_'
    run -4 --separate-stderr ctv search paging.example
    sql 'ALTER TABLE cert RENAME COLUMN serial_ TO serial'
    [[ -z "$output" && "$stderr" == *"db migrate"* && "$stderr" != *column* ]]
    run -2 --separate-stderr ctv search "text:$(printf 'x%.0s' $(seq 100000))"
    [ ${#stderr} -lt 1000 ]
}

@test "time bounds and --exclude-expired" {
    now=$(date -u +%s)
    total=$(sql 'SELECT count(*) FROM cert WHERE false' >/dev/null && ctv search kinds.example --json | wc -l)
    issue demo 10 precert live.bounds.example >/dev/null
    run -0 ingest
    count() {
        ctv search bounds.example --json "$@" | wc -l
    }
    day() {
        date -u -d "@$((now + $1 * 86400))" +%Y-%m-%d
    }
    [ "$(count)" = 1 ]
    [ "$(count --since "$(day -2)")" = 1 ]
    prints 0 count --since "$(day 2)"
    [ "$(count --until "$(day 2)")" = 1 ]
    prints 0 count --until "$(day -2)"
    [ "$(count --seen-since "$(day -2)")" = 1 ]
    prints 0 count --seen-since "$(day 2)"
    [ "$(count --exclude-expired)" = 1 ]
    fp=$(ctv search bounds.example --json | jq -r .tbs_fp)
    sql "UPDATE cert SET not_after = now() - interval '1 day', not_before = now() - interval '9 days'
         WHERE tbs_fp = '\\x$fp'"
    sql "UPDATE cert_apex SET not_after = now() - interval '1 day', not_before = now() - interval '9 days'
         WHERE tbs_fp = '\\x$fp'"
    [ "$(count)" = 1 ]
    prints 0 count --exclude-expired
}

@test "the log grows while nobody reads: read on from there" {
    before=$(sim_size)
    asked=$(control | jq '.requests["get-entries"]')
    control '{"append":300}'
    [ "$(sim_size)" = $((before + 300)) ]
    run -0 ingest --log rfc
    assert_complete rfc $((before + 300))
    assert_counts
    [ $(($(control | jq '.requests["get-entries"]') - asked)) -le 4 ]
}

@test "a log of short, aligned pages is read whole, without asking twice for the same" {
    start_sim --entries 1500 --page 32 --seed 32
    add_log short rfc6962
    run -0 ingest --log short
    assert_complete short 1500
    asked=$(control | jq '.requests["get-entries"]')
    [ "$asked" -ge 47 ]
    [ "$asked" -le 60 ]
    kill $SIM_PID
}

@test "--from: an index, now, a time" {
    start_sim --entries 600 --seed 9
    add_log from400 rfc6962 --from 400
    HOST_AS=127.1 add_log fromnow rfc6962 --from now
    middle=$(curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-entries?start=300&end=300" | jq -r '.entries[0].leaf_input' |
        base64 -d | od -An -tu8 --endian=big -j2 -N8 | tr -d ' ')
    HOST_AS=127.0.1 add_log fromtime rfc6962 --from "$(date -u -d "@$((middle / 1000))" +%Y-%m-%dT%H:%M:%SZ)"
    HOST_AS=localhost add_log from600 rfc6962 --from 600
    HOST_AS=2130706433 run -2 add_log from601 rfc6962 --from 601
    run -2 add_log fromnever rfc6962 --from sometime
    run -0 ingest --log from400 --log fromnow --log fromtime --log from600
    ctv log status --json | jq -c 'select(.name | startswith("from"))'
    log_is from400 '.position == 600 and .entries == 200 and .ranges[0].begin == 400'
    log_is fromnow '.position == 600 and .entries == 0 and .ranges[0].begin == 600'
    log_is from600 '.position == 600 and .entries == 0'
    log_is fromtime '.position == 600 and .ranges[0].begin > 290 and .ranges[0].begin <= 301'
    log_is from400 '.verified_size == 600 and .state == "active"'
    log_is fromtime '.verified_size == 600'
    control '{"append":50}'
    run -0 ingest --log from400 --log fromnow --log fromtime
    for name in from400 fromnow fromtime; do
        log_is $name '.position == 650 and .verified_size == 650 and .state == "active"'
    done
    log_is fromnow '.entries == 50'
    [ "$(ctv log list --json | jq -r .name | grep -c '^from')" = 4 ]
    kill $SIM_PID
}

@test "a removed log is followed no longer, what was read stays" {
    rows=$(sql 'SELECT count(*) FROM cert')
    HOST_AS=127.1 add_log gone rfc6962
    run -0 ctv log remove gone
    run -2 --separate-stderr ctv log remove gone
    [ ${#stderr_lines[@]} = 1 ]
    run -2 --separate-stderr ingest --log gone
    [[ "$stderr" == *gone* ]]
    ctv log list --json | every_line '.name != "gone"'
    [ "$(sql 'SELECT count(*) FROM cert')" = "$rows" ]
    run -2 ctv log remove never-there
}
