# What root stores say of a CA: taken from files, told in an alert, explained, and told again when it changes.
load play

setup_file() {
    play_begin_db
    start_sim --entries 20 --seed 61
    add_logs
    ctv domain add watched.example >/dev/null
}

teardown_file() {
    play_end
}

# table SPKI CLASS: every store blocks this key.
table() {
    mkdir -p "$PLAY/trust"
    {
        echo 'group,class,spki_sha256,store,rule,effective_date,status_now_computed,source'
        for store in Mozilla Chrome Apple Microsoft; do
            echo "\"Simulated, Inc.\",$2,$1,$store,blocked,2026-01-02,,\"a play, row \"\"$store\"\"\""
        done
    } >"$PLAY/trust/distrusted.csv"
    echo 'nothing that is known' >"$PLAY/trust/notes.txt"
}

finding() { # of alert $1 by kind $2
    ctv alert show "$1" --json | jq -c ".findings[] | select(.kind == \"$2\")"
}

@test "the program judges on its first day, and says how old its data is" {
    ctv trust show | grep -q 'it is what the program came with'
    ctv trust show --json | jq -e '.bundle == 0 and .stores.mozilla.roots > 100 and .stores.chrome.roots > 100
        and .stores.apple.roots > 100 and .stores.microsoft.roots > 100'
    CTVIGIL_TEST_CLOCK_OFFSET_S=8640000 ctv trust show --json 2>"$PLAY/err" | jq -e .old
    grep -q 'trust data is .* days old' "$PLAY/err"
    # A root by its hash, of which nobody has the bytes.
    run -2 ctv trust explain 0d136e439f0ab6e97f3a02a540da9f0641aa554e1d66ea51ae2920d51b2f7217
}

@test "a certificate of a CA that stores blocked is told as critical, with its stores" {
    issue other 90 both one.watched.example >/dev/null
    ingest
    id=$(ctv alert list --json | jq -r 'select(.domain == "watched.example") | .id')
    spki=$(ctv alert show "$id" --json | jq -r .issuance.issuer_spki_sha256)
    echo "$spki" >"$PLAY/spki"
    [ -z "$(finding "$id" distrusted_ca)" ]
    table "$spki" incident
    ctv trust import "$PLAY/trust" --json | jq -e '.bundle == 1 and .rules_new == 4 and (.known | not)
        and (.files | map(select(.form == "distrust-table" and .taken == 4)) | length == 1)'
    ctv trust import "$PLAY/trust" | grep -q 'Nothing new'
    ctv trust show | grep -q 'bundle 1, imported'
    issue other 90 both two.watched.example >/dev/null
    ingest
    id=$(ctv alert list --json | jq -r 'select(.name == "two.watched.example") | .id')
    finding "$id" distrusted_ca | jq -e '.rule == "blocked_key" and .severity == "critical"
        and (.found | contains("Mozilla: the store blocks") and contains("Simulated, Inc."))'
    [ "$(ctv alert show "$id" --json | jq -r .severity)" = critical ]
}
