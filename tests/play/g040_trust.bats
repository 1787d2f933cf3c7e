# What root stores say of a CA: taken from files, told in an alert, explained, and told again when it changes.
load play
load strict

setup_file() {
    play_begin_db
    start_sim --entries 20 --seed 61
    add_logs
    ctv domain add strange.example >/dev/null
    mkdir -p "$PLAY/trust"
    echo 'nothing that is known' >"$PLAY/trust/notes.txt"
}

teardown_file() {
    play_end
}

# table SPKI RULE DATE: every store did this to the key.
table() {
    echo 'group,class,spki_sha256,store,rule,effective_date,status_now_computed,source'
    for store in Mozilla Chrome Apple Microsoft; do
        echo "\"Simulated, Inc.\",incident,$1,$store,$2,$3,,\"a play, row \"\"$store\"\"\""
    done
}

import() {
    table "$@" >"$PLAY/trust/distrusted.csv"
    ctv trust import --force "$PLAY/trust" >/dev/null
    ctv watch --once >/dev/null
}

alert_of() { # the id of the alert about name $1
    ctv alert list --json | jq -r --arg name "$1" 'select(.name == $name) | .id'
}

finding() { # of alert $1 by kind $2
    ctv alert show "$1" --json | jq -c --arg kind "$2" '.findings[] | select(.kind == $kind)'
}

@test "the program judges on its first day, and says how old its data is" {
    ctv trust show | has 'it is what the program came with'
    ctv trust show --json | jq -e '.bundle == 0 and .stores.mozilla.roots > 100 and .stores.chrome.roots > 100
        and .stores.apple.roots > 100 and .stores.microsoft.roots > 100'
    CTVIGIL_TEST_CLOCK_OFFSET_S=8640000 ctv trust show --json 2>"$PLAY/err" | jq -e .old
    grep -q 'trust data is .* days old' "$PLAY/err"
    run -2 ctv trust import "$PLAY/trust" # nothing of a known form
    run -2 ctv trust import "$PLAY/no such folder"
    run -4 ctv trust explain "$PLAY/trust/notes.txt"
    rm "$PLAY/trust/notes.txt"
}

# The certificate of the CA is compared with the others behind the alert, or before it: in the end the same is said.
@test "that no store trusts a CA is added to the alert that is there, quietly, and comes with the next one" {
    issue third 90 both early.strange.example >/dev/null
    ingest
    silent finding "$(alert_of early.strange.example)" untrusted_ca
    ctv watch --once >"$PLAY/told"
    finding "$(alert_of early.strange.example)" untrusted_ca | jq -e '.rule == "untrusted" and .severity == "low"'
    issue third 90 both late.strange.example >/dev/null
    ingest
    ctv watch --once >>"$PLAY/told"
    ctv watch --once >>"$PLAY/told"
    [ "$(jq -r .name "$PLAY/told")" = $'early.strange.example\nlate.strange.example' ]
    ctv alert list --json | jq -e --slurp 'map({kind, severity, state, findings}) | length == 2 and .[0] == .[1] and
        (.[0] | .kind == "unexpected_ca" and .severity == "high" and .state == "notified" and
         (.findings | map(.kind)) == ["unexpected_ca", "untrusted_ca"])'
}

@test "a certificate of a CA that no store takes any more is told, in words" {
    issue other 90 both www.strange.example >/dev/null
    ingest
    id=$(alert_of www.strange.example)
    spki=$(ctv alert show "$id" --json | jq -r .issuance.issuer_spki_sha256)
    echo "$spki" >"$PLAY/spki"
    silent finding "$id" distrusted_ca
    ctv domain add watched.example --allow-ca "spki:$spki" >/dev/null
    issue other 90 both old.watched.example >/dev/null
    ingest
    silent alert_of old.watched.example
    import "$spki" distrust-after 2020-01-01
    [ "$(ctv trust show --json | jq .bundle)" = 1 ]
    ctv trust import "$PLAY/trust" | has 'Nothing new'
    # What was stored before is judged again; what comes is judged at once.
    finding "$(alert_of old.watched.example)" distrusted_ca |
        jq -e '.rule == "distrusted_after" and .severity == "high"
            and (.found | contains("Mozilla: it begins after the last day") and contains("Simulated, Inc."))'
    issue other 90 both new.watched.example >/dev/null
    ingest
    finding "$(alert_of new.watched.example)" distrusted_ca | jq -e '.rule == "distrusted_after"'
    finding "$id" distrusted_ca | jq -e '.severity == "high"'
    finding "$id" unexpected_ca | jq -e '.severity == "high"'
}

@test "what is no longer said is withdrawn with the reason, and nothing else" {
    import "$(printf 'ab%.0s' {1..32})" distrust-after 2020-01-01
    for name in old new; do
        ctv alert list --all --json 2>/dev/null | jq -e --arg name "$name.watched.example" \
            'select(.name == $name) | .state == "closed"' || ctv alert show "$(alert_of $name.watched.example)" --json |
            jq -e '.state == "closed" and (.reason | contains("trust data of"))'
    done
    id=$(alert_of www.strange.example)
    silent finding "$id" distrusted_ca
    finding "$id" unexpected_ca | jq -e '.severity == "high"'
    ctv alert show "$id" --json | jq -e '.state != "closed"'
}

@test "a blocked key is critical, begins the alert anew, and stays blocked when its source forgets it" {
    spki=$(cat "$PLAY/spki")
    import "$spki" blocked 2026-01-02
    id=$(alert_of old.watched.example)
    ctv alert show "$id" --json | jq -e '.severity == "critical" and .state != "closed"'
    finding "$id" distrusted_ca | jq -e '.rule == "blocked_key" and (.found | contains("the store blocks"))'
    import "$(printf 'ab%.0s' {1..32})" distrust-after 2020-01-01
    ctv alert show "$id" --json | jq -e '.severity == "critical" and .state != "closed"'
    ctv alert list --json | jq -r 'select(.domain == "watched.example") | .name' | sort >"$PLAY/names"
    [ -s "$PLAY/names" ]
    silent uniq -d "$PLAY/names"
}

@test "a short list is refused, and one file that can not be read keeps nobody from the others" {
    mkdir -p "$PLAY/short" "$PLAY/mixed"
    {
        echo 'cert_sha256,spki_sha256,mozilla_tls,chrome,apple_2025_12'
        echo "$(printf 'cd%.0s' {1..32}),$(printf 'ef%.0s' {1..32}),anchor,,"
    } >"$PLAY/short/roots.csv"
    before=$(ctv trust show --json | jq -c '[.bundle, .stores]')
    run -4 ctv trust import "$PLAY/short"
    [[ $output == *'Mozilla would lose'*'--force'* ]]
    [ "$(ctv trust show --json | jq -c '[.bundle, .stores]')" = "$before" ]
    table "$(printf '12%.0s' {1..32})" blocked 2026-01-02 >"$PLAY/mixed/distrusted.csv"
    truncate -s 70M "$PLAY/mixed/large.pem"
    printf '{"data":[{"issuerName":"MAA=","serialN' >"$PLAY/mixed/onecrl.json"
    run -4 ctv trust import "$PLAY/mixed"
    [[ $output == *'The distrust table would lose'*'--force'* ]]
    code=0
    ctv trust import --force "$PLAY/mixed" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
    grep -q 'large.pem: .*larger than' "$PLAY/err"
    grep -q 'onecrl.json: it is cut off' "$PLAY/err"
    grep -q '^distrusted.csv .* 4 taken' "$PLAY/out"
    ctv trust show --json | jq -e '[.sources[] | select(.born | not) | .source] == ["distrust"]
        and (.sources[] | select(.source == "mozilla.roots") | .born) and .oldest == "mozilla.roots"'
}

@test "a table of which much can not be read leaves what was there, and the exit code says so" {
    mkdir -p "$PLAY/odd"
    cp "$PLAY/mixed/distrusted.csv" "$PLAY/odd/distrusted.csv"
    {
        echo 'spki_sha256,known_cert_sha256'
        for i in {10..26}; do echo "$(printf "$i%.0s" {1..32}),"; done
        echo 'nonsense,'
        echo ','
        echo ',,'
    } >"$PLAY/odd/blocked.csv"
    blocked='.sources[] | select(.source == "chrome.blocked") | .born'
    code=0
    ctv trust import --json "$PLAY/odd" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
    grep -q 'blocked.csv: 3 of 20 rows can not be read, .* row 18 .*: nothing of it was taken, .* stays' "$PLAY/err"
    jq -e '.files[] | select(.file == "blocked.csv") | .taken == 0 and .unreadable == 3' "$PLAY/out"
    ctv trust show --json | jq -e "$blocked"
    code=0
    ctv trust import --force --json "$PLAY/odd" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
    jq -e '.files[] | select(.file == "blocked.csv") | .taken == 17 and .unreadable == 3' "$PLAY/out"
    ctv trust show --json | jq -e "$blocked | not"
}

@test "a list that is no list, and records that can not be read, are said and change the exit code" {
    mkdir -p "$PLAY/page"
    cp "$PLAY/mixed/distrusted.csv" "$PLAY/page/distrusted.csv"
    echo '<html>502 Bad Gateway' >"$PLAY/page/certdata.txt"
    code=0
    ctv trust import --force "$PLAY/page" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
    grep -q 'certdata.txt: not a form that is known: nothing of it was taken' "$PLAY/err"
    grep -q '^distrusted.csv .* 4 taken' "$PLAY/out"
    rm "$PLAY/page/certdata.txt"
    {
        echo '{"data":['
        for i in {10..25}; do echo "{\"issuerName\":\"MAAA\",\"serialNumber\":\"AQ$i\"},"; done
        for i in 1 2 3; do echo '{"issuerName":"MAAA","serialNumber":"no base64"},'; done
        echo '{"issuerName":"MAAA","serialNumber":"?"}]}'
    } >"$PLAY/page/onecrl.json"
    code=0
    ctv trust import --json "$PLAY/page" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
    grep -q 'onecrl.json: 4 of 20 entries can not be read, .* entry 17: nothing of it was taken, .* stays' "$PLAY/err"
    jq -e '.files[] | select(.file == "onecrl.json") | .taken == 0 and .unreadable == 4' "$PLAY/out"
    ctv trust show --json | jq -e '[.sources[] | select(.source == "onecrl")] == []'
    code=0
    ctv trust import --force --json "$PLAY/page" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
    jq -e '.files[] | select(.file == "onecrl.json") | .taken == 16 and .unreadable == 4' "$PLAY/out"
    # A note beside the lists and a single odd record are said, and are no failure; nothing in the place of a list is one.
    rm "$PLAY/page/distrusted.csv"
    echo 'Fetched every Monday.' >"$PLAY/page/README"
    {
        echo '{"data":['
        for i in {10..99}; do echo "{\"issuerName\":\"MAAA\",\"serialNumber\":\"AQ$i\"},{\"issuerName\":\"MAAA\",\"serialNumber\":\"Ag$i\"},"; done
        echo '{"issuerName":"MAAA","serialNumber":"?"}]}'
    } >"$PLAY/page/onecrl.json"
    ctv trust import --force "$PLAY/page" >"$PLAY/out" 2>"$PLAY/err"
    grep -q 'onecrl.json: 1 of 181 entries can not be read, .*: the others were taken' "$PLAY/err"
    grep -q 'README: not a form that is known' "$PLAY/err"
    : >"$PLAY/page/certdata.txt"
    code=0
    ctv trust import --force "$PLAY/page" >"$PLAY/out" 2>"$PLAY/err" || code=$?
    [ "$code" = 3 ]
}

@test "explain says of each store why" {
    sha=$(ctv alert show "$(alert_of old.watched.example)" --json | jq -r .tbs_fp)
    ctv trust explain "$sha" >"$PLAY/out"
    grep -q '^Mozilla: distrusted: the store blocks' "$PLAY/out"
    grep -q '^Flag: blocked_key' "$PLAY/out"
    grep -q '^Judged as of 20[0-9TZ:-]*: valid from 20[0-9TZ:-]*, in a log by 20' "$PLAY/out"
    # What a policy would have said is said with what root stores say.
    printf 'watch:\n  - name: watched.example\n' >"$PLAY/any.yaml"
    ctv domain history --json watched.example --policy "$PLAY/any.yaml" |
        some_line 'any(.findings[]; .kind == "distrusted_ca" and .rule == "blocked_key")'
    ctv trust explain "$sha" --json | jq -e '.stores.apple.verdict == "distrusted" and .issuer_proven
        and (.judged_at | startswith("20")) and (.stores.apple.paths[0].why == "blocked") and (.flags | index("blocked_key"))'
}
