# The simulator as an operator: its limits are what they are called, judged by curl.
load play
load strict

setup_file() {
    play_begin
}

setup() {
    : >"$PLAY/operator"
}

teardown_file() {
    play_end
}

# operate OPTIONS: a simulator with limits that do not fill up again while a test lasts.
operate() {
    start_sim --entries 600 --seed 6 --limit-scale 0.01 "$@"
    printf '%s\n' "$SIM_PID" >>"$PLAY/operator"
}

teardown() {
    play_logs
    while read -r pid; do
        kill "$pid" 2>/dev/null && ended "$pid"
    done <"$PLAY/operator" || true
    rm -f "$PLAY/operator"
}

# codes N [curl options]: the status of N get-sth over one connection, joined.
codes() {
    local count=$1 urls=() i
    shift
    for i in $(seq "$count"); do urls+=("$SIM_URL/ct/v1/get-sth?n=$i" -o /dev/null); done
    curl -sS --noproxy '*' -w '%{http_code} ' "$@" "${urls[@]}" | sed 's/ $//'
}

pages() {
    curl -sS --noproxy '*' "$SIM_URL/ct/v1/get-entries?start=$1&end=$2" | jq '.entries | length'
}

status_of() {
    curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' "$@"
}

@test "--help lists every limit and operator, the manual too; nonsense is refused with 2" {
    run -0 "$LOGSIM" --help
    grep -h '^X(' "$CTVIGIL_SOURCE"/tests/fake/sim{limit,operator}.def >"$PLAY/rows"
    while IFS='"' read -r _ word _; do
        grep -qE "^  $word(\[|:| )" <<<"$output"
        grep -qE "^\.It (Cm|Sy) $word( |$)" "$CTVIGIL_SOURCE/docs/man/ctvigil-logsim.1"
    done <"$PLAY/rows"
    sed -n '/^X(/{N;s/\n */ /;p}' "$CTVIGIL_SOURCE/tests/fake/simoperator.def" >"$PLAY/rows"
    [ -s "$PLAY/rows" ]
    while IFS='"' read -r _ word _ limits _; do
        grep -qF "  $limits" <<<"$output"
        grep -qxF ".Cm $limits" "$CTVIGIL_SOURCE/docs/man/ctvigil-logsim.1"
        run -2 "$LOGSIM" --entries 0 --operator "$word" --limit nonsense
        output=$("$LOGSIM" --help)
    done <"$PLAY/rows"
    for wrong in client client:0 client:x client:1:0 client:1:1:soon client:1:1:1:1 client:1:1:date page:0 page:32:sharp \
        page:2000 latency latency:9999999 tiles:1 connections:0 :1 ''; do
        run -2 "$LOGSIM" --entries 0 --limit "$wrong"
        [[ $output == *limit* ]]
    done
    run -2 "$LOGSIM" --entries 0 --operator nobody
    for wrong in 0 -1 x 1000 1x nan; do run -2 "$LOGSIM" --entries 0 --limit-scale "$wrong"; done
    run -4 "$LOGSIM" --entries 0 --limit-share /nonexistent/file
    echo text >"$PLAY/text"
    run -4 "$LOGSIM" --entries 0 --limit-share "$PLAY/text"
    [ "$(cat "$PLAY/text")" = text ]
}

@test "a budget by source address: each has its own, and the counts tell them apart" {
    operate --limit client:1:3
    [ "$(codes 5)" = '200 200 200 429 429' ]
    [ "$(codes 4 --interface 127.0.0.2)" = '200 200 200 429' ]
    [ "$(codes 1)" = 429 ]
    control | jq -e '.limits | .sources == {"127.0.0.1": [6, 3, 3], "127.0.0.2": [4, 3, 1]} and .all == [10, 6, 4] and
        (.windows | map(.[0]) | add) == 10 and .set.client.value == 0.01'
    control '{"counts":"zero"}'
    control | jq -e '.limits | .all == [0, 0, 0] and .windows == [] and .sources["127.0.0.1"] == [0, 0, 0]'
    control '{"limit":"client:off"}'
    [ "$(codes 3)" = '200 200 200' ]
    run ! control '{"limit":"page:7"}'
}

@test "a budget by connection: another connection is another budget" {
    operate --limit connection:1:2
    [ "$(codes 3)" = '200 200 429' ]
    [ "$(codes 3)" = '200 200 429' ]
}

@test "a budget for all: whoever comes last is refused" {
    operate --limit total:1:2
    [ "$(codes 1) $(codes 1 --interface 127.0.0.9) $(codes 1)" = '200 200 429' ]
}

@test "a budget for the anonymous, with a date: a contact is heard, example.com is none" {
    operate --operator skylight --limit anonymous:1:2:date60
    [ "$(codes 1 -A 'reader/1 (a@b.test)')" = 200 ]
    [ "$(codes 2 -A 'reader/1')" = '200 200' ]
    [ "$(codes 1 -A 'reader/1 (+https://example.com)') $(codes 1 -A '')" = '429 429' ]
    [ "$(codes 3 -A 'reader/1 (+https://b.test/)') $(codes 1 -A 'github.com/b/c')" = '200 200 200 200' ]
    curl -sS --noproxy '*' -D - "$SIM_STATIC_URL/checkpoint" |
        has -E '^Retry-After: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} GMT'
    [ "$(curl -sS --noproxy '*' -A '' -o /dev/null -w '%header{retry-after}' "$SIM_URL/ct/v1/get-sth" 2>/dev/null |
        wc -c)" -gt 20 ]
}

@test "pages of an operator: aligned when whole ones are asked for, or never across a boundary" {
    operate --operator google --limit client:off --limit latency:off
    [ "$(pages 0 255) $(pages 40 99) $(pages 40 70)" = '32 24 31' ]
    operate --operator sectigo --limit client:off --limit total:off --limit latency:off
    [ "$(pages 0 255) $(pages 250 259) $(pages 64 999)" = '256 6 192' ]
}

@test "tiles beside get-entries: whole ones and issuers, nothing else" {
    operate --rfc6962 --limit tiles
    SIM_STATIC_URL=$SIM_URL
    [ "$(status_of "$SIM_URL/tile/data/000") $(status_of "$SIM_URL/tile/data/002.p/88")" = '200 404' ]
    [ "$(status_of "$SIM_URL/checkpoint") $(status_of "$SIM_URL/tile/0/000")" = '404 404' ]
    control '{"limit":"tiles:off"}'
    [ "$(status_of "$SIM_URL/tile/data/000")" = 404 ]
}

@test "too many connections of one address are closed" {
    operate --limit connections:1
    exec 7<>"/dev/tcp/127.0.0.1/$(sed -E 's|.*:([0-9]+)/.*|\1|' <<<"$SIM_URL")"
    printf 'GET /rfc6962/ct/v1/get-sth HTTP/1.1\r\nHost: x\r\n\r\n' >&7
    read -r -t 60 line <&7
    [[ $line == *200* ]]
    [ "$(codes 1)" = 000 ]
    [ "$(codes 1 --interface 127.0.0.2)" = 200 ]
    exec 7>&-
}

@test "shards of one operator share its budget, also when one of them was killed" {
    operate --limit client:1:4 --limit-share "$PLAY/budget"
    first=$SIM_PID
    [ "$(codes 3)" = '200 200 200' ]
    operate --limit client:1:4 --limit-share "$PLAY/budget"
    [ "$(codes 2)" = '200 429' ]
    control | jq -e '.limits.all == [5, 4, 1]'
    kill -KILL "$first"
    ended "$first" || true
    [ "$(codes 1) $(codes 1 --interface 127.0.0.2)" = '429 200' ]
}
