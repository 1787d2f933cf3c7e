# The command line and the configuration: nothing here needs a database.
load play

setup_file() {
    play_begin
}

teardown_file() {
    play_end
}

@test "--help and --version answer on stdout with 0" {
    run -0 --separate-stderr "$CTVIGIL" --help
    [[ "$output" == *"usage: ctvigil"* ]]
    [ -z "$stderr" ]
    for command in demo run ingest watch log domain alert search cert db config; do
        [[ "$output" == *"  $command "* ]]
    done
    run -0 --separate-stderr "$CTVIGIL" --version
    [[ "$output" =~ ^ctvigil\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "every command has --help, which needs no database and leaves nothing behind" {
    for command in demo run ingest watch log domain alert search cert db config; do
        run -0 --separate-stderr ctv $command --help
        [[ "$output" == "usage: ctvigil $command"* ]]
        [ -z "$stderr" ]
    done
    [ ! -e "$STATE" ]
}

@test "no command: the help and exit 2" {
    run -2 "$CTVIGIL"
    [[ "$output" == *"usage: ctvigil"* ]]
}

@test "an unknown command is named, in one line, exit 2" {
    run -2 --separate-stderr "$CTVIGIL" frobnicate
    [ -z "$output" ]
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *frobnicate* ]]
}

@test "an unknown option, a missing value, a wrong value: exit 2 and one line that names it" {
    while IFS='|' read -r expected words; do
        run -2 --separate-stderr ctv $words
        echo "$words: $stderr"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *"$expected"* ]]
    done <<'TABLE'
--frob|log status --frob
--frob|--frob log status
--frob|ingest --frob
--log|ingest --log
--key|log add x --key
--limit|search example.com --limit
--limit|search example.com --limit many
--since|search example.com --since yesterday
--since|search example.com --since 2026-13-01
extra|ingest --once extra
frob|log frob
frob|db frob
config|config frob
frob|alert frob
frob|domain frob
TABLE
    for option in -c --db --state-dir; do
        run -2 --separate-stderr "$CTVIGIL" log status $option
        [[ "$stderr" == *"$option"* ]]
    done
    [ ! -e "$STATE" ]
}

@test "what a command needs and does not get is said, exit 2" {
    for words in log search domain alert db config "log add" "log remove" "domain add" "domain remove" "alert show" \
        "alert ack" "alert show x" "alert ack x" "cert"; do
        run -2 --separate-stderr ctv $words
        echo "$words: $stderr"
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *ctvigil* ]]
    done
    [ ! -e "$STATE" ]
}

@test "control bytes of the command line do not reach the terminal" {
    run -2 --separate-stderr "$CTVIGIL" $'fro\e[31mb\nx'
    [[ "$stderr" != *$'\e'* ]]
    [ ${#stderr_lines[@]} = 1 ]
    run -2 --separate-stderr ctv log $'fro\e[31mb\nx'
    [[ "$stderr" != *$'\e'* ]]
    [ ${#stderr_lines[@]} = 1 ]
    run -2 --separate-stderr ctv log --$'fro\e[31mb'
    [[ "$stderr" != *$'\e'* ]]
}

@test "config check: bad YAML, wrong values and unknown keys exit 2 and name file and line" {
    while IFS='|' read -r line key text; do
        printf "$text" >"$PLAY/bad.yaml"
        run -2 --separate-stderr "$CTVIGIL" -c "$PLAY/bad.yaml" config check
        echo "$text -> $stderr"
        [ -z "$output" ]
        [ ${#stderr_lines[@]} = 1 ]
        [[ "$stderr" == *"$PLAY/bad.yaml"* ]]
        [[ "$stderr" == *"$key"* ]]
        [[ "$stderr" =~ (line |:)$line([^0-9]|$) ]]
    done <<'TABLE'
[23]||ingest:\n  workers: [1,\n
2|frob|ingest:\n  frob: 1\n
1|frob|frob:\n  x: 1\n
3|workers|ingest:\n  contact: a\n  workers: many\n
2|workers|ingest:\n  workers: 65\n
2|enabled|stdout:\n  enabled: perhaps\n
1|ingest|ingest: 7\n
TABLE
}

@test "a configuration that does not exist or is a folder: exit 2, named" {
    for path in "$PLAY/none.yaml" "$PLAY"; do
        run -2 --separate-stderr "$CTVIGIL" -c "$path" config check
        [[ "$stderr" == *"$path"* ]]
        [ ${#stderr_lines[@]} = 1 ]
    done
}

@test "config sample loads, and is what holds without it" {
    "$CTVIGIL" config sample >"$PLAY/sample.yaml"
    run -0 "$CTVIGIL" -c "$PLAY/sample.yaml" config check
    diff <("$CTVIGIL" config show | sed 's/ *(.*//') <("$CTVIGIL" -c "$PLAY/sample.yaml" config show | sed 's/ *(.*//')
}

@test "environment over file, option over environment; config show says which" {
    printf 'ingest:\n  workers: 3\n  window: 5\nstate:\n  dir: /from/file\n' >"$PLAY/good.yaml"
    export CTVIGIL_INGEST_WORKERS=4 CTVIGIL_STATE_DIR=/from/environment
    run -0 "$CTVIGIL" -c "$PLAY/good.yaml" --state-dir "$STATE" config show
    grep -E '^ingest.window = 5 +\(file' <<<"$output"
    grep -E '^ingest.workers = 4 +\(environment' <<<"$output"
    grep -E "^state.dir = \"$STATE\" +\(option" <<<"$output"
    grep -E '^ingest.settlers = 1 +\(default' <<<"$output"
    CTVIGIL_INGEST_WORKERS=many run -2 --separate-stderr "$CTVIGIL" config check
    [[ "$stderr" == *CTVIGIL_INGEST_WORKERS* ]]
}

@test "config show hides the password of a connection string" {
    for dsn in "host=h user=u password=hushhush" "postgresql://u:hushhush@h/d" "host=h password='hush\\'hush hush'"; do
        run -0 "$CTVIGIL" --db "$dsn" config show
        [[ "$output" == *db.dsn* ]]
        [[ "$output" != *hush* ]]
    done
}

@test "global options stand before or after the command" {
    "$CTVIGIL" --json --state-dir "$STATE" db status >"$PLAY/before"
    "$CTVIGIL" db status --state-dir "$STATE" --json >"$PLAY/after"
    "$CTVIGIL" db --json status --state-dir="$STATE" >"$PLAY/between"
    jq -e . "$PLAY/before" >/dev/null
    diff "$PLAY/before" "$PLAY/after"
    diff "$PLAY/before" "$PLAY/between"
}

@test "stdout that can not be written is an error, not a crash" {
    run -4 bash -c '"$1" config sample >/dev/full' _ "$CTVIGIL"
}
