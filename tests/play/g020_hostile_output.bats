# Certificates are written by attackers: whatever stands in one, no control byte of it reaches a terminal or a log line,
# and JSON stays JSON.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 50 --seed 80
    add_log rfc rfc6962
    ctv domain add evil.example
    # What the simulator's JSON can carry: escape sequences, line ends, bidirectional and invisible controls, quotes,
    # HTML, formulas; in names, in the organisation, in the common name.
    i=0
    for text in '\u001b[31mred\u001b[0m' '\u001b]0;title\u0007' 'line\nlevel=error forged=1' 'carriage\rreturn' \
        '\u202egnp.live' '\u2066x\u2069' '\u200b\u200d' '\u0085\u009b31m' '\"quoted\" \\ back' "it's" \
        '<script>alert(1)</script>' '=cmd|calc!A0' '%s%n%x' '\ud83d\ude08' 'tab\tbell\u0007' '\u007f\u0001' 'nul\u2400'; do
        i=$((i + 1))
        control '{"issue":{"ca":"other","days":90,"form":"both","organisation":"'"Org $text"'",
                  "names":["'"$text"'.evil.example"]}}' >>"$PLAY/issued" ||
            control '{"issue":{"ca":"other","days":90,"form":"both","organisation":"'"Org $text"'",
                      "names":["h'$i'.evil.example"]}}' >>"$PLAY/issued"
    done
    cat "$PLAY/issued" >&2
    background run "$CTVIGIL" --state-dir "$STATE" run
    runner=$!
    wait_for "log_is rfc '.verified_size == $(sim_size)'" 60
    wait_for '[ "$(wc -l <"$PLAY/run.out")" -ge 10 ]' 60
    kill -TERM $runner
    ended $runner
}

teardown_file() {
    play_end
}

# No C0 but line feed, no DEL, no C1, no bidirectional or invisible control, and valid UTF-8.
assert_harmless() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || { echo "not UTF-8: $1"; return 1; }
    if tr -d '\n' <"$1" | LC_ALL=C has -P '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]'; then
        echo "$1 holds control characters:"
        LC_ALL=C grep -nP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]' "$1" | head -n 3 | cat -v
        return 1
    fi
}

@test "some of it got into the log" {
    assert_counts
    [ "$(jq -s 'map(select(.tbs_fp)) | length' "$PLAY/issued")" -ge 15 ]
    [ "$(ctv search sub:evil.example --limit 1000 --json | wc -l)" -ge 15 ]
}

@test "alerts: tables, pages, JSON, the channel and the log lines" {
    assert_harmless "$PLAY/run.out"
    assert_harmless "$PLAY/run.log"
    none '^level=error' "$PLAY/run.log"
    jq -e .id "$PLAY/run.out" >/dev/null
    ctv alert list >"$PLAY/alerts" 2>&1
    assert_harmless "$PLAY/alerts"
    ctv alert list --json >"$PLAY/alerts.json"
    assert_harmless "$PLAY/alerts.json"
    jq -r .id "$PLAY/alerts.json" | sed -n 1,6p >"$PLAY/ids"
    [ "$(wc -l <"$PLAY/ids")" = 6 ]
    while read -r id; do
        ctv alert show "$id" >"$PLAY/page" 2>&1
        assert_harmless "$PLAY/page"
    done <"$PLAY/ids"
}

@test "search: table and JSON" {
    ctv search sub:evil.example --limit 1000 >"$PLAY/found" 2>&1
    assert_harmless "$PLAY/found"
    ctv search sub:evil.example --limit 1000 --json >"$PLAY/found.json"
    assert_harmless "$PLAY/found.json"
    jq -e .tbs_fp "$PLAY/found.json" >/dev/null
}

@test "search: CSV is one row a certificate, and no cell is a formula" {
    ctv search sub:evil.example --all --format csv | tr -d '\r' >"$PLAY/found.csv"
    assert_harmless "$PLAY/found.csv"
    ctv search sub:evil.example --count --json 2>/dev/null | jq .total >"$PLAY/total"
    python3 - "$PLAY/found.csv" "$(cat "$PLAY/total")" <<'PYTHON'
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline='')))
assert len(rows) == int(sys.argv[2]) + 1, (len(rows), sys.argv[2])
assert all(len(row) == len(rows[0]) for row in rows)
assert not [cell for row in rows for cell in row if cell[:1] in tuple('=+-@\t\r')]
assert [row for row in rows if 'calc' in row[rows[0].index('organisations')]]
PYTHON
}

@test "search: an organisation is found whatever stands in it" {
    for query in "org:Org <script>alert(1)</script>" "org:org \"quoted\" \\ back" "org:Org %s%n%x" "org:ORG it's" \
        "text:<script>" "text:%s%n%x" "text:calc!a0" $'org:Org \e[31mred\e[0m'; do
        ctv search "$query" --json >"$PLAY/found.json" 2>"$PLAY/said"
        assert_harmless "$PLAY/found.json"
        assert_harmless "$PLAY/said"
        [ "$(jq -s 'map(select(.tbs_fp)) | length' "$PLAY/found.json")" -ge 1 ] || { echo "not found: $query" | cat -v; return 1; }
    done
}

@test "cert: what the parser sees, as text and as JSON" {
    local looked=0
    size=$(sim_size)
    for index in $(seq 50 $((size - 1))); do
        logged_cert $index >"$PLAY/one.der" || continue # a precertificate
        looked=$((looked + 1))
        ctv cert "$PLAY/one.der" >"$PLAY/seen" 2>&1
        assert_harmless "$PLAY/seen"
        ctv cert --json "$PLAY/one.der" >"$PLAY/seen.json"
        assert_harmless "$PLAY/seen.json"
        jq -e .sha256 "$PLAY/seen.json" >/dev/null
    done
    [ $looked -ge 15 ]
}

@test "errors that repeat what was typed" {
    for words in $'search host:\e[31m.example' $'domain add \e[31m.example' $'log remove \e]0;x\a' $'alert ack \e[0m' \
        $'db \e[0m' $'cert /nonexistent/\e[0m' $'config \e[0m' $'search frob\e[0m:x' $'alert list --state \e[0m' \
        $'log add x --protocol \e[0m --url http://127.0.0.1/ --key x' $'ingest --log \e[0m' $'search a --after \e[0m' \
        $'domain add a.example --allow-ca \e[0m' $'-c /nonexistent/\e[0m config check' $'alert ack 1 --reason'; do
        status=0
        ctv $words >"$PLAY/said" 2>&1 || status=$?
        [ $status = 2 ] || [ $status = 4 ] || { echo "$status: $words" | cat -v; return 1; }
        assert_harmless "$PLAY/said" || { echo "$words" | cat -v; return 1; }
    done
}

@test "alert list --domain takes the name in any spelling, and no name that nobody registered" {
    ctv domain add bücher.example
    expected=$(ctv alert list --domain evil.example --json | wc -l)
    [ "$expected" -ge 10 ]
    for name in EVIL.example evil.example. .evil.example; do
        [ "$(ctv alert list --domain "$name" --json | wc -l)" = "$expected" ]
    done
    for name in BÜCHER.example xn--bcher-kva.example; do
        run -0 --separate-stderr ctv alert list --domain "$name"
        [ -z "$output" ]
    done
    for name in evil.exmaple www.evil.example 10.1.2.3 "a b" ""; do
        run -2 --separate-stderr ctv alert list --domain "$name"
        [[ ${#stderr_lines[@]} = 1 && "$stderr" == *--domain* && -z "$output" ]]
    done
    # A filter that fits nothing is no mistake and is said, and the alerts of a domain that was removed stay.
    run -0 --separate-stderr ctv alert list --domain evil.example --state closed
    [ -z "$output" ]
    [ "$stderr" = "ctvigil: no alerts match" ]
    run -0 --separate-stderr ctv alert list --domain evil.example --state closed --json
    [ -z "$output$stderr" ]
    ctv domain remove evil.example
    [ "$(ctv alert list --domain evil.example --json | wc -l)" = "$expected" ]
}

@test "an alert that is not there: 2, whatever is asked of it" {
    for verb in show ack retry; do
        run -2 --separate-stderr ctv alert $verb 999999
        [[ ${#stderr_lines[@]} = 1 && "$stderr" == *999999* && -z "$output" ]]
    done
    run -0 --separate-stderr ctv alert retry "$(ctv alert list --json --limit 1 | jq -r 'select(.id) | .id')"
}

@test "a domain that is everything is registered with a warning" {
    for name in 0.0.0.0/0 ::/0 com; do
        run -0 --separate-stderr ctv domain add "$name"
        [[ "$stderr" == *warning*many\ alerts* ]]
        run -0 --separate-stderr ctv domain remove "$name"
    done
    run -0 --separate-stderr ctv domain add 198.51.100.0/24
    [ -z "$stderr" ]
}
