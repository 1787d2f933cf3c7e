# The demo: the whole story with nothing configured, and nothing left of it, however it ends.
load play
load strict

setup_file() {
    play_begin
    export TMPDIR=$PLAY/t HOME=$PLAY/home
    mkdir -m 1777 "$TMPDIR"
    mkdir "$HOME"
}

teardown_file() {
    play_end
}

# No server, and no simulator that has our environment.
no_process() {
    local pid
    pgrep -f "$PLAY/" >/dev/null && return 1
    for pid in $(pgrep -x ctvigil-logsim); do
        grep -qsz "^TMPDIR=$PLAY/" "/proc/$pid/environ" && return 1
    done
    return 0
}

nothing_left() {
    silent ls -A "$TMPDIR" && no_process
}

@test "demo --once tells the story and leaves nothing" {
    run -0 --separate-stderr timeout 240 "$CTVIGIL" demo --once
    echo "$output"
    echo "$stderr"
    [ "$(grep -c ALERT <<<"$output")" = 3 ]
    for kind in unexpected_ca unexpected_wildcard over_long_validity; do
        [ "$(grep -c "ALERT.*$kind" <<<"$output")" = 1 ]
    done
    [[ "$output" == *silence* && "$output" == *verified* && "$output" == *stored* ]]
    [[ "$output" != *MISMATCH* ]]
    wait_for nothing_left 60
    silent ls -A "$HOME"
}

@test "demo --once --json says only what a program wants to know" {
    run -0 --separate-stderr timeout 240 "$CTVIGIL" demo --once --json
    jq -es 'length == 1 and .[0].as_expected and .[0].alerts == 3' <<<"$output"
    wait_for nothing_left 60
}

@test "as an unprivileged user" {
    [ "$(id -u)" = 0 ] || skip "is one already"
    mkdir "$PLAY/nobody"
    chown nobody "$PLAY/nobody"
    run -0 timeout 240 setpriv --reuid nobody --clear-groups env HOME="$PLAY/nobody" TMPDIR="$PLAY/nobody" \
        "$CTVIGIL" demo --once
    [ "$(grep -c ALERT <<<"$output")" = 3 ]
    wait_for 'silent ls -A "$PLAY/nobody" && nothing_left' 60
}

# The shell that was forked for it has become the program: it is no longer the one that ignores SIGINT.
is_demo() {
    [ "$(readlink "/proc/$1/exe")" = "$(readlink -f "$CTVIGIL")" ]
}

@test "Ctrl-C in the middle leaves nothing" {
    for moment in 0.3 2 4; do
        # A shell starts background commands with SIGINT ignored; env gives it back.
        background demo env --default-signal=INT "$CTVIGIL" demo
        demo=$!
        wait_for "is_demo $demo" 60
        sleep $moment
        kill -INT $demo
        wait_for "! kill -0 $demo 2>/dev/null" 120
        wait_for nothing_left 60
    done
}

@test "Ctrl-C while the database is made: the story is not told, and nobody is asked to look around" {
    background cut env --default-signal=INT "$CTVIGIL" demo
    demo=$!
    # Its folder comes first, and the database takes longer than to see that.
    wait_for '! nothing_left' 60
    kill -INT $demo
    wait_for "! kill -0 $demo 2>/dev/null" 120
    none -E 'Look around|ALERT' "$PLAY/cut.out"
    wait_for nothing_left 60
}

@test "it stays open until Ctrl-C, and can be looked at meanwhile" {
    background demo env --default-signal=INT "$CTVIGIL" demo
    demo=$!
    wait_for 'grep -q "Look around" "$PLAY/demo.out"' 240
    state=$(sed -n 's/.*--state-dir \(.*\) log status/\1/p' "$PLAY/demo.out")
    "$CTVIGIL" --state-dir "$state" log status --json | every_line '.verified_size >= 600 and .state == "active"'
    [ "$("$CTVIGIL" --state-dir "$state" alert list --json | wc -l)" = 3 ]
    "$CTVIGIL" --state-dir "$state" search bank.example --json | some_line '.names == ["login.bank.example"]'
    # The logs go on growing.
    before=$("$CTVIGIL" --state-dir "$state" log status --json | jq -s '.[0].entries')
    wait_for '[ "$("$CTVIGIL" --state-dir "$state" log status --json | jq -s ".[0].entries")" -gt "$before" ]' 60
    kill -INT $demo
    ended $demo
    wait_for nothing_left 60
}

@test "kill -9 in the middle leaves no process, and a folder that the next demo removes" {
    for moment in 1 4; do
        background demo "$CTVIGIL" demo
        demo=$!
        sleep $moment
        kill -KILL $demo
        ended $demo || true
        wait_for no_process 60
    done
    # What only looks like one stays: a link, a folder without a lock, one whose lock is held.
    mkdir "$PLAY/kept" "$TMPDIR/ctvigil-demo.nolock" "$TMPDIR/ctvigil-demo.alive"
    touch "$PLAY/kept/demo.lock" "$TMPDIR/ctvigil-demo.alive/demo.lock"
    ln -s "$PLAY/kept" "$TMPDIR/ctvigil-demo.link"
    flock -n "$TMPDIR/ctvigil-demo.alive/demo.lock" "$CTVIGIL" demo --once >/dev/null
    [ -e "$PLAY/kept/demo.lock" ]
    [ "$(cd "$TMPDIR" && echo *)" = "ctvigil-demo.alive ctvigil-demo.link ctvigil-demo.nolock" ]
}

@test "a state directory that is in use, and any other database, are refused before anything is written" {
    # What the tests before this one made, or left when they failed.
    wait_for no_process 60
    rm -rf "$TMPDIR"/ctvigil-demo.*
    mkdir "$PLAY/used"
    touch "$PLAY/used/mine"
    run -2 --separate-stderr "$CTVIGIL" --state-dir "$PLAY/used" demo --once
    [ ${#stderr_lines[@]} = 1 ]
    [[ "$stderr" == *"$PLAY/used"*in\ use* && -z "$output" ]]
    [ "$(ls -A "$PLAY/used")" = mine ]
    echo host=/nowhere >"$PLAY/dsn"
    for given in CTVIGIL_DB_DSN=host=/nowhere CTVIGIL_DB_DSN_FILE="$PLAY/dsn"; do
        run -2 --separate-stderr env "$given" "$CTVIGIL" --state-dir "$PLAY/new" demo --once
        [ ${#stderr_lines[@]} = 1 ]
    done
    run -2 --separate-stderr "$CTVIGIL" --state-dir /dev/null demo --once
    [ ! -e "$PLAY/new" ]
    nothing_left
}
