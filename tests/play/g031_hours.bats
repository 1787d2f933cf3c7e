# When an alert goes to a real receiver: held back in quiet hours, gathered into a digest, handed on to somebody else, and the
# sign of life that stays away.
load play
load strict

setup_file() {
    play_begin_db
    receivers_up
}

teardown_file() {
    play_end
}

# From here on nobody was ever told of anything.
setup() {
    sql "DELETE FROM outbox; DELETE FROM channel; DELETE FROM alert; DELETE FROM log_incident" >/dev/null
    receivers_forget
}

# channels LINE...: the configuration, one channel a line.
channels() {
    printf 'stdout:\n  enabled: false\nchannels:\n' >"$PLAY/conf.yaml"
    printf '  - {%s}\n' "$@" >>"$PLAY/conf.yaml"
}

# hours FROM TO: from so many hours after this one until so many after it.
hours() {
    date -u -d "$1 hours" +%H:00 | tr -d '\n'
    date -u -d "$2 hours" +-%H:00
}

raise() { # KIND SEVERITY NAME
    sql "INSERT INTO alert (kind, severity, name, dedup, findings, first_seen)
         VALUES ('$1', '$2', '$3', '$3', '[]', now()) RETURNING id"
}

deliver() {
    ctv -c "$PLAY/conf.yaml" watch --once
}

# What waits is due now, as it will be.
its_time() {
    sql "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'" >/dev/null
}

# came PATH N: so many requests came there.
came() {
    local count
    count=$(grep -cF "\"path\": \"$1\"" "$PLAY/in/http.jsonl") || true
    [ "$count" = "$2" ] || { echo "$count requests came to $1, not $2"; return 1; }
}

# The names in what came to the path $1, in order.
names() {
    posted "$1" | jq -r '.body | fromjson | .name' | tr '\n' ' '
}

keys() {
    posted "$1" | jq -r '.headers["idempotency-key"]'
}

@test "quiet hours hold back all but what is critical, and in the morning each comes once" {
    channels "name: night, kind: webhook, url: \"http://127.0.0.1:$P_http/night\", quiet: \"$(hours -2 3)\"" \
        "name: awake, kind: webhook, url: \"http://127.0.0.1:$P_http/awake\", quiet: \"$(hours 5 9)\""
    raise log_stale high one >/dev/null
    raise log_inconsistent critical two >/dev/null
    raise log_stale high three >/dev/null
    seen=$(raise log_stale high four)
    run -0 deliver
    [ "$(names /night)" = 'two ' ]
    came /awake 4
    [ "$(sql "SELECT count(*) FROM outbox WHERE channel = 'night' AND state = 'pending' AND tries = 0
              AND next_try_at BETWEEN now() + interval '119 minutes' AND now() + interval '3 hours'")" = 3 ]
    ctv alert show "$seen" --json | jq -e '.deliveries | any(.channel == "night" and .state == "pending" and
        (.last_error | test("quiet hours"))) and any(.channel == "awake" and .state == "sent")'
    held=$(sql "SELECT key FROM outbox WHERE channel = 'night' AND state = 'pending' AND alert <> $seen ORDER BY id")
    # Too early, it is held back again.
    its_time
    run -0 deliver
    came /night 1
    # Somebody saw to it before the night was over.
    ctv alert ack "$seen" --reason known
    channels "name: night, kind: webhook, url: \"http://127.0.0.1:$P_http/night\", quiet: \"$(hours 5 9)\""
    its_time
    run -0 deliver
    [ "$(names /night)" = 'two one three ' ]
    [ "$(keys /night | tail -n 2)" = "$held" ]
    its_time
    run -0 deliver
    came /night 3
}

@test "a digest is one message for all that came since the last one, by webhook and by mail" {
    channels "name: gather, kind: webhook, url: \"http://127.0.0.1:$P_http/gather\", digest: \"$(hours 4 9 | cut -c1-5)\"" \
        "name: letter, kind: mail, server: \"smtp://localhost:$P_bare\", cleartext: true, from: ctvigil@example.org,
     to: one@example.org, digest: \"$(hours 4 9 | cut -c1-5)\""
    for name in one two three; do
        raise log_stale high $name >/dev/null
    done
    raise log_inconsistent critical four >/dev/null
    run -0 deliver
    [ "$(names /gather)" = 'four ' ]
    jq -se 'length == 1 and (.[0].data | test("log_inconsistent four"))' "$PLAY/in/mail.jsonl"
    [ "$(sql "SELECT channel, count(*) FROM outbox WHERE state = 'pending' AND tries = 0
              AND next_try_at BETWEEN now() + interval '2 hours' AND now() + interval '4 hours' GROUP BY 1 ORDER BY 1" |
        tr '\t\n' '  ')" = 'gather 3 letter 3 ' ]
    its_time
    run -0 deliver
    came /gather 2
    posted /gather | jq -se '.[1].body | fromjson | .schema == "ctvigil.digest.1" and ([.alerts[].name] | sort) == ["one", "three", "two"]'
    [ "$(keys /gather | sort -u | wc -l)" = 2 ]
    jq -se 'length == 2 and (.[1].data | test("\nSubject: \\[ctvigil\\] 3 alerts\r") and test("one") and test("two") and test("three"))' \
        "$PLAY/in/mail.jsonl"
    its_time
    run -0 deliver
    came /gather 2
    [ "$(sql "SELECT count(*) FROM outbox WHERE state = 'sent'")" = 8 ]
}

@test "a digest that is refused comes again whole, with the same key, and one that is taken never" {
    channels "name: gather, kind: webhook, url: \"http://127.0.0.1:$P_http/twice\", digest: \"$(hours 4 9 | cut -c1-5)\""
    raise log_stale high one >/dev/null
    raise log_stale high two >/dev/null
    run -0 deliver
    came /twice 0
    for try in 1 2; do
        its_time
        run -4 deliver
        came /twice $try
        [ "$(sql "SELECT count(*) FROM outbox WHERE state = 'pending' AND tries = $try AND next_try_at > now()")" = 2 ]
    done
    its_time
    run -0 deliver
    its_time
    run -0 deliver
    came /twice 3
    [ "$(keys /twice | sort -u | wc -l)" = 1 ]
    posted /twice | jq -r '.body | fromjson | [.alerts[].name] | sort | join(" ")' >"$PLAY/gathered"
    [ "$(sort "$PLAY/gathered" | uniq -c | tr -s ' ')" = ' 3 one two' ]
}

@test "what nobody acknowledged in time, or nobody took, is handed on, whatever the hour is there" {
    channels "name: first, kind: webhook, url: \"http://127.0.0.1:$P_http/first\", escalate_min: 1, escalate_to: boss" \
        "name: broken, kind: webhook, url: \"http://127.0.0.1:$P_http/broken\", kinds: log_inconsistent, escalate_min: 1,
     escalate_to: boss" \
        "name: boss, kind: webhook, url: \"http://127.0.0.1:$P_http/boss\", escalated_only: true, severity: critical, quiet: \"$(hours -2 3)\""
    seen=$(raise log_stale high one)
    raise log_stale high two >/dev/null
    run -0 deliver
    came /first 2
    came /boss 0
    ctv alert ack "$seen" --reason known
    run -0 deliver
    came /boss 0
    sql "UPDATE outbox SET escalate_at = now() WHERE escalate_at IS NOT NULL" >/dev/null
    run -0 deliver
    posted /boss | jq -se 'length == 1 and (.[0].body | fromjson | .name == "two" and .event == "handed_on" and .severity == "high")'
    run -0 deliver
    came /first 2
    came /boss 1
    # Given up there: at once, not after a minute.
    raise log_inconsistent critical three >/dev/null
    run -4 deliver
    sql "UPDATE outbox SET tries = 29, next_try_at = now() WHERE state = 'pending' AND channel = 'broken'" >/dev/null
    run -4 deliver
    run -0 deliver
    posted /boss | jq -r '.body | fromjson | select(.event == "handed_on") | .name' >"$PLAY/handed"
    [ "$(sort "$PLAY/handed" | uniq -c | tr -s ' \n' ' ')" = ' 1 three 1 two ' ]
}

# Each reason with a program of its own, whose first look it is.
@test "no sign of life reaches its receiver while anything is wrong, and each time the reason is said" {
    beats=0
    beat() { # PATH: starts it
        printf 'heartbeat:\n  url: "http://127.0.0.1:%s%s"\n  every_s: 1\n' "$P_http" "$1" >"$PLAY/beat.yaml"
        background "beat$beats" "$CTVIGIL" --state-dir "$STATE" -c "$PLAY/beat.yaml" watch
        watcher=$!
    }
    ended_beat() {
        kill -TERM $watcher
        ended $watcher
        beats=$((beats + 1))
    }
    sound() {
        beat /sound$beats
        wait_for "posted /sound$beats | has GET" 60
        none 'no sign of life' "$PLAY/beat$beats.log"
        ended_beat
    }
    ill() { # REASON
        beat "/ill$beats"
        wait_for "grep -qF 'no sign of life goes out: $1' '$PLAY/beat$beats.log'" 60
        came "/ill$beats" 0
        ended_beat
    }
    sound
    sql "INSERT INTO log_incident (log, rule, since, alert) VALUES (0, 'disk', now(), 1)" >/dev/null
    ill 'a log is out of date'
    sql "DELETE FROM log_incident" >/dev/null
    sound
    id=$(raise channel_failing high pager)
    sql "INSERT INTO channel (name, alert) VALUES ('pager', $id)" >/dev/null
    ill 'a channel is failing'
    sql "UPDATE channel SET alert = NULL" >/dev/null
    sound
    sql "INSERT INTO outbox (alert, channel, next_try_at) VALUES ($id, 'gone', now() - interval '11 minutes')" >/dev/null
    ill 'deliveries are due that nobody takes'
    sql "UPDATE outbox SET next_try_at = now() - interval '1 minute' WHERE channel = 'gone'" >/dev/null
    sound
    # Its receiver refuses it: that is said, too.
    beat /broken
    wait_for "grep -qF 'no sign of life goes out: ' '$PLAY/beat$beats.log'" 60
    has 'status 500' "$PLAY/beat$beats.log"
    ended_beat
}

@test "a list gives as many alerts as it is asked for, and its cursor what is left" {
    sql "INSERT INTO alert (kind, severity, dedup, findings, first_seen)
         SELECT 'test', 'info', 'list' || n, '[]', now() FROM generate_series(1, 2345) AS n" >/dev/null
    ctv alert list --json --limit 2200 >"$PLAY/page"
    [ "$(jq -c 'select(.id)' "$PLAY/page" | wc -l)" = 2200 ]
    cursor=$(jq -r 'select(.cursor) | .cursor' "$PLAY/page")
    ctv alert list --json --limit 10000 --after "$cursor" >"$PLAY/rest"
    [ "$(jq -r .id "$PLAY/page" "$PLAY/rest" | grep -v null | sort -u | wc -l)" = 2345 ]
    run ! jq -e 'select(.cursor)' "$PLAY/rest"
}
