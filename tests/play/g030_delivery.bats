# Alerts to real receivers: webhooks that behave in every bad way, a mail server, syslog.
load play
load strict

setup_file() {
    play_begin_db
    receivers_up
    echo topsecret >"$PLAY/in/secret"
    echo 'let me in' >"$PLAY/in/password"
    echo wrong >"$PLAY/in/bad"
    echo 0123456789abcdef0123456789abcdef >"$PLAY/in/pager"
    mkdir "$PLAY/hooks.d"
    printf '#!/bin/sh\necho "$CTVIGIL_KIND $CTVIGIL_DELIVERY_KEY" >>"%s/hooked"\n' "$PLAY/in" >"$PLAY/hooks.d/10-good"
    printf '#!/bin/sh\necho no >&2; exit 3\n' >"$PLAY/hooks.d/20-bad"
    chmod +x "$PLAY/hooks.d"/*
    echo "no program" >"$PLAY/hooks.d/README"
    cat >"$PLAY/conf.yaml" <<YAML
stdout:
  enabled: false
channels:
  - {name: good, kind: webhook, url: "http://127.0.0.1:$P_http/ok", secret_file: $PLAY/in/secret}
  - {name: slack, kind: webhook, preset: slack, url: "http://127.0.0.1:$P_http/slack"}
  - {name: teams, kind: webhook, preset: teams, url: "http://127.0.0.1:$P_http/teams"}
  - {name: pager, kind: webhook, preset: pagerduty, url: "http://127.0.0.1:$P_http/pager", secret_file: $PLAY/in/pager}
  - {name: busy, kind: webhook, url: "http://127.0.0.1:$P_http/busy"}
  - {name: broken, kind: webhook, url: "http://localhost:$P_http/broken"}
  - {name: redirect, kind: webhook, url: "http://127.0.0.1:$P_http/redirect"}
  - {name: huge, kind: webhook, url: "http://127.0.0.1:$P_http/huge"}
  - {name: hugefail, kind: webhook, url: "http://127.0.0.1:$P_http/hugefail"}
  - {name: drip, kind: webhook, url: "http://127.0.0.1:$P_http/drip"}
  - {name: mute, kind: webhook, url: "http://127.0.0.1:$P_http/mute", timeout_s: 1}
  - {name: headers, kind: webhook, url: "http://127.0.0.1:$P_http/headers"}
  - {name: tls, kind: webhook, url: "https://localhost:$P_https/tls", ca_file: $PLAY/in/ca.pem}
  - {name: unknown-ca, kind: webhook, url: "https://localhost:$P_https/never"}
  - {name: wrong-name, kind: webhook, url: "https://localhost:$P_wrong/never", ca_file: $PLAY/in/ca.pem}
  - {name: own-name, kind: webhook, url: "https://$(hostname):$P_https/never", ca_file: $PLAY/in/ca.pem}
  - {name: private, kind: webhook, url: "https://10.0.0.1/never"}
  - {name: metadata, kind: webhook, url: "https://169.254.169.254/never"}
  - {name: mapped, kind: webhook, url: "https://[::ffff:127.0.0.1]:$P_https/never", ca_file: $PLAY/in/ca.pem}
  - {name: mail, kind: mail, server: "smtp://localhost:$P_smtp", user: ctvigil, password_file: $PLAY/in/password,
     ca_file: $PLAY/in/ca.pem, from: ctvigil@example.org, to: "one@example.org, two@example.org"}
  - {name: bad-password, kind: mail, server: "smtp://localhost:$P_smtp", user: ctvigil, password_file: $PLAY/in/bad,
     ca_file: $PLAY/in/ca.pem, from: ctvigil@example.org, to: one@example.org}
  - {name: nobody, kind: mail, server: "smtp://localhost:$P_bare", cleartext: true, from: ctvigil@example.org,
     to: "one@example.org, nobody@example.org"}
  - {name: stripped, kind: mail, server: "smtp://localhost:$P_bare", from: ctvigil@example.org, to: one@example.org}
  - {name: udp, kind: syslog, address: "udp://127.0.0.1:$P_udp"}
  - {name: tcp, kind: syslog, address: "tcp://127.0.0.1:$P_tcp", facility: local3}
  - {name: syslog-tls, kind: syslog, address: "tls://localhost:$P_tls", ca_file: $PLAY/in/ca.pem}
  - {name: unix, kind: syslog, address: "$PLAY/in/log"}
  - {name: hooks, kind: hook, command: $PLAY/hooks.d}
YAML
}

teardown_file() {
    play_end
}

@test "alert test says of each channel whether its receiver takes alerts, and why not" {
    run -4 --separate-stderr ctv -c "$PLAY/conf.yaml" alert test
    echo "$stderr"
    for name in good slack teams pager huge drip tls mail udp tcp syslog-tls unix hooks/10-good; do
        grep -qx "ctvigil: channel $name: accepted" <<<"$stderr"
    done
    refused() {
        grep -q "^ctvigil: channel $1: .*$2" <<<"$stderr" || { echo "$1: not '$2'"; return 1; }
    }
    refused busy 'status 429'
    refused broken 'status 500: <h1>.x1b.31moops'
    refused redirect 'status 302, a redirect'
    refused hugefail 'status 500: xxx'
    refused mute 'no answer within 1 s'
    refused headers 'too large'
    refused unknown-ca 'self-signed certificate'
    refused wrong-name "no alternative certificate subject name matches"
    refused own-name 'not one of the public internet'
    refused private '10.0.0.1 is not one of the public internet'
    refused metadata '169.254.169.254 is not one of the public internet'
    refused mapped 'not one of the public internet'
    refused bad-password '535'
    refused nobody '550 there is nobody'
    refused stripped 'Requested SSL level failed\|STARTTLS'
    refused hooks/20-bad 'exit status 3: no'
    silent posted /never
    [ "$(jq -c 'select(.path == "/ok")' "$PLAY/in/http.jsonl" | wc -l)" = 1 ] # nobody followed the redirect
}

@test "the signature of a webhook is HMAC-SHA-256 over time and body; presets have their form" {
    posted /ok >"$PLAY/ok"
    time=$(jq -r '.headers["x-ctvigil-timestamp"]' "$PLAY/ok")
    mac=$(printf '%s.%s' "$time" "$(jq -r .body "$PLAY/ok")" | openssl dgst -sha256 -hmac topsecret -r | cut -d' ' -f1)
    [ "$(jq -r '.headers["x-ctvigil-signature"]' "$PLAY/ok")" = "v1=$mac" ]
    key=$(sql "SELECT key FROM outbox WHERE channel = 'good'")
    [ "$(jq -r '.headers["idempotency-key"]' "$PLAY/ok")" = "$key" ]
    jq -r .body "$PLAY/ok" | jq -e '.schema == "ctvigil.alert.1" and .kind == "test"'
    posted /slack | jq -r .body | jq -e '.mrkdwn == false and all(.blocks[] | .. | objects | select(has("emoji")); .type == "plain_text")'
    posted /teams | jq -r .body | jq -e '.attachments[0].content | .type == "AdaptiveCard" and all(.body[]; .type == "RichTextBlock")'
    posted /pager | jq -r .body | jq -se 'length == 2 and .[0].event_action == "trigger"
        and .[0].routing_key == "0123456789abcdef0123456789abcdef" and .[0].payload.severity == "info"
        and (.[0].dedup_key | startswith("ctvigil.")) and .[1].event_action == "resolve" and .[0].dedup_key == .[1].dedup_key'
}

@test "a mail comes by TLS, with text and HTML, its delivery's key as Message-ID" {
    key=$(sql "SELECT key FROM outbox WHERE channel = 'mail'")
    jq -se --arg key "$key" 'length == 1 and .[0].tls and .[0].user == "ctvigil" and
        .[0].to == ["one@example.org", "two@example.org"] and (.[0].data | contains("Message-ID: <\($key).ctvigil@example.org>"))' \
        "$PLAY/in/mail.jsonl"
    jq -r .data "$PLAY/in/mail.jsonl" >"$PLAY/letter"
    "$python" - "$PLAY/letter" <<'PY'
import email, email.policy, sys
mail = email.message_from_string(open(sys.argv[1], newline="").read(), policy=email.policy.default)
assert not mail.defects and mail.get_content_type() == "multipart/alternative", mail.defects
text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
assert "a message that arrives" in text and "<td>info</td>" in html
assert mail["Subject"] == "[ctvigil info] test" and mail["Auto-Submitted"] == "auto-generated"
PY
}

@test "syslog messages have the form of RFC 5424, with the facility and severity that belong to them" {
    wait_for '[ "$(wc -l <"$PLAY/in/syslog")" = 4 ]' 60 # nobody answers a message that came
    [ "$(grep -cE '^<30>1 [0-9T:.-]+Z [^ ]+ ctvigil [0-9]+ test \[ctvigil@32473 id="1" kind="test" severity="info" .*\] ' "$PLAY/in/syslog")" = 3 ]
    [ "$(grep -c '^<158>1 ' "$PLAY/in/syslog")" = 1 ]
}

@test "watch: Retry-After is kept to, an incident is ended when its alert is acknowledged" {
    sql "DELETE FROM outbox; DELETE FROM channel; DELETE FROM alert" >/dev/null
    grep -vE 'name: [a-z-]*(bad|mute|head|drip|huge|stripped|nobody|mail|udp|tcp|tls|unix|hooks|private|meta|name|mapped|ca)[,-]' \
        "$PLAY/conf.yaml" | grep -v '^     ca_file\|^     to:' >"$PLAY/few.yaml"
    : >"$PLAY/in/http.jsonl"
    run -2 ctv -c "$PLAY/few.yaml" alert test mail
    run -0 ctv -c "$PLAY/few.yaml" alert test good
    sql "INSERT INTO alert (kind, severity, dedup, findings, first_seen)
         VALUES ('log_stale', 'critical', 'a', '[]', now())" >/dev/null
    run -4 ctv -c "$PLAY/few.yaml" watch --once
    [ "$(sql "SELECT count(*) FROM outbox WHERE channel = 'busy' AND tries = 1
              AND next_try_at BETWEEN now() + interval '1100 seconds' AND now() + interval '1300 seconds'")" = 1 ]
    posted /pager | jq -r .body | jq -se 'length == 1 and .[0].payload.severity == "critical"'
    run -0 ctv alert ack --all --kind log_stale --reason 'it is known'
    [ "$output" = "1 alert acknowledged" ]
    run -0 ctv -c "$PLAY/few.yaml" watch --once
    posted /pager | jq -r .body | jq -se 'length == 2 and .[1].event_action == "resolve" and .[0].dedup_key == .[1].dedup_key'
    [ "$(sql "SELECT count(*) FROM outbox WHERE open_there")" = 0 ]
}

@test "a sign of life goes out while all is well, and stays away when nobody takes what is due" {
    sql "DELETE FROM outbox; DELETE FROM channel; DELETE FROM alert" >/dev/null
    printf 'heartbeat:\n  url: "http://127.0.0.1:%s/beat"\n  every_s: 1\n' "$P_http" >"$PLAY/beat.yaml"
    background beat "$CTVIGIL" --state-dir "$STATE" -c "$PLAY/beat.yaml" watch
    watcher=$!
    wait_for 'posted /beat | has GET' 60
    sql "INSERT INTO alert (kind, severity, dedup, findings, first_seen) VALUES ('test', 'info', 'b', '[]', now());
         INSERT INTO outbox (alert, channel, next_try_at) SELECT id, 'gone', now() - interval '1 hour' FROM alert" >/dev/null
    wait_for 'grep -q "no sign of life goes out: deliveries are due that nobody takes" "$PLAY/beat.log"' 60
    sql "DELETE FROM outbox" >/dev/null
    wait_for 'grep -q "signs of life go out again" "$PLAY/beat.log"' 60
    kill -TERM $watcher
    ended $watcher
}

@test "what can not work is refused by config check, with the place" {
    refuse() {
        printf 'channels:\n  - {name: x, %s}\n' "$1" >"$PLAY/bad.yaml"
        run -2 ctv -c "$PLAY/bad.yaml" config check
        [[ "$output" == *"$2"* ]] || { echo "$1: $output"; return 1; }
    }
    refuse 'kind: webhook, url: "http://192.0.2.1/"' 'http:// is for this machine alone'
    refuse 'kind: webhook, url: "ftp://localhost/"' 'neither https:// nor http://'
    refuse 'kind: webhook, url: "http://localhost/", preset: slack, secret_file: /etc/hostname' 'has no use for it'
    refuse 'kind: webhook, preset: pagerduty' "PagerDuty's integration key"
    refuse 'kind: mail, server: "smtp://localhost", from: "a@b\r\nBcc: c@d", to: a@b' 'from'
    refuse 'kind: mail, server: "smtp://localhost", from: "a@b> <c@d", to: a@b' 'is no mail address'
    refuse 'kind: mail, server: "smtp://u:p@localhost", from: a@b, to: a@b' 'keys of their own'
    refuse 'kind: mail, server: "smtp://localhost", user: u, password_file: /etc/hostname, cleartext: true, from: a@b, to: a@b' 'without TLS'
    refuse 'kind: syslog, address: "tcp://"' 'HOST[:PORT]'
    refuse 'kind: syslog, facility: loud' 'none of kern to local7'
    refuse 'kind: hook, command: /nonexistent' 'No such file'
    refuse 'kind: syslog, quiet: 22-7' '22:00-07:00'
    refuse 'kind: syslog, digest: 25:00' 'neither minutes'
    refuse 'kind: syslog, kinds: nonsense' "no kind of alerts 'nonsense'"
    refuse 'kind: syslog, escalate_min: 5, escalate_to: y' "there is no channel 'y'"
    refuse 'kind: syslog, colour: red' "bad.yaml:2: unknown key 'channels.colour'"
}
