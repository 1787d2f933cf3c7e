# Captured entries of real logs, replayed by the simulator and read through the whole program; what must come out was
# written down by other decoders. Needs the folder $CTVIGIL_SHARED with corpus/ and vectors/.
load play
load strict

setup_file() {
    [ -e "${CTVIGIL_SHARED:-/nonexistent}/corpus/open.tar.zst" ] || skip "no captured entries: set CTVIGIL_SHARED"
    play_begin_db
    tar --zstd -C "$PLAY" -xf "$CTVIGIL_SHARED/corpus/open.tar.zst" entries.jsonl ct_truth.jsonl truth.jsonl
    # One truth row for each replayed entry, in its order; key: file and number of the entry in it.
    jq -c --slurpfile truth "$PLAY/ct_truth.jsonl" -n '($truth | map({key: "\(.file) \(.i)", value: .}) | from_entries)
        as $by | inputs | $by["\(.file) \(.i)"]' "$PLAY/entries.jsonl" >"$PLAY/expected.jsonl"
    count=$(wc -l <"$PLAY/entries.jsonl")
    export count
    start_sim --replay "$PLAY/entries.jsonl"
    add_log rfc rfc6962
    add_log tiles static-ct
    ingest --log rfc
}

teardown_file() {
    play_end
}

# One line per stored entry of the log NAME: index, start of the SHA-256, start of tbs_fp (precertificates), time, type.
stored() {
    sql "SELECT t.first_index + e.at - 1, encode(int8send(e.sha8), 'hex'),
                CASE get_byte(t.info, 9 * e.at::int - 3) WHEN 1 THEN encode(int8send(e.fp8), 'hex') ELSE '-' END,
                ('x0000' || encode(substring(t.info FROM 9 * e.at::int - 8 FOR 6), 'hex'))::bit(64)::int8,
                CASE get_byte(t.info, 9 * e.at::int - 3) WHEN 1 THEN 'precert' WHEN 0 THEN 'x509' ELSE 'unread' END
         FROM log_tile AS t JOIN log AS l ON l.id = t.log, unnest(t.fp8, t.sha8) WITH ORDINALITY AS e (fp8, sha8, at)
         WHERE l.name = '$1' ORDER BY 1"
}

@test "every entry is read, and the tree has the root that the leaf hashes give" {
    [ "$count" -ge 2442 ]
    assert_complete rfc "$count"
    assert_counts
    jq -r '"\\\\x" + .leaf_hash' "$PLAY/expected.jsonl" >"$PLAY/leaves"
    # Merkle tree hash by its definition (RFC 9162, section 2.1.1), in SQL.
    root=$(psql -XqAt -v ON_ERROR_STOP=1 -d "$DSN" <<SQL
CREATE FUNCTION pg_temp.mth(leaves bytea[]) RETURNS bytea LANGUAGE plpgsql AS \$\$
DECLARE
    n int := cardinality(leaves);
    k int := 1;
BEGIN
    IF n = 1 THEN
        RETURN leaves[1];
    END IF;
    WHILE 2 * k < n LOOP
        k := 2 * k;
    END LOOP;
    RETURN sha256('\\x01'::bytea || pg_temp.mth(leaves[1:k]) || pg_temp.mth(leaves[k + 1:n]));
END \$\$;
CREATE TEMP TABLE leaves (at int GENERATED ALWAYS AS IDENTITY, hash bytea);
\\copy leaves (hash) FROM '$PLAY/leaves'
SELECT encode(pg_temp.mth(array_agg(hash ORDER BY at)), 'hex') FROM leaves;
SQL
    )
    [ "$(sql "SELECT encode(root, 'hex') FROM log_head WHERE verified AND size = $count LIMIT 1")" = "$root" ]
}

@test "hashes, fingerprints, times and types are those of the other decoders" {
    stored rfc >"$PLAY/stored"
    jq -r --slurp 'to_entries[] | [.key, .value.cert_sha256[:16],
        (if .value.entry_type == "precert" then .value.tbs_sha256[:16] else "-" end), .value.timestamp_ms,
        .value.entry_type] | @tsv' "$PLAY/expected.jsonl" >"$PLAY/told"
    diff "$PLAY/told" "$PLAY/stored"
}

@test "the issuer key of every precertificate is the one the log recorded" {
    jq -r 'select(.entry_type == "precert") | "\(.tbs_sha256)\t\(.issuer_key_hash)"' "$PLAY/expected.jsonl" |
        sort -u >"$PLAY/told"
    sql "SELECT encode(c.tbs_fp, 'hex'), encode(i.spki_sha256, 'hex') FROM cert AS c JOIN issuer AS i ON i.id = c.issuer" |
        sort -u >"$PLAY/issuers"
    [ -s "$PLAY/told" ]
    silent comm -23 "$PLAY/told" "$PLAY/issuers"
}

# SHA-256 (first half) and label-reversed name of every DNS name that needs no normalising.
plain_names() {
    jq -r '.cert_sha256' "$PLAY/expected.jsonl" | sort -u >"$PLAY/wanted"
    jq -r '.sha256 as $sha256 | .dns // [] | .[] | ascii_downcase |
        select(test("^(\\*\\.)?[a-z0-9_-]+(\\.[a-z0-9_-]+)*$")) |
        "\($sha256)\t\(split(".") | reverse | join("."))"' "$PLAY/truth.jsonl" | sort -u |
        join -t $'\t' "$PLAY/wanted" - >"$PLAY/names"
}

@test "every certificate is stored under each of its names" {
    plain_names
    [ "$(wc -l <"$PLAY/names")" -gt 4000 ]
    # The certificates by SHA-256, those by name: no row may lack.
    psql -XqAt -v ON_ERROR_STOP=1 -d "$DSN" >"$PLAY/missing" <<SQL
CREATE TEMP TABLE wanted (sha256 text, name text COLLATE "C");
\\copy wanted FROM '$PLAY/names'
CREATE TEMP TABLE seen AS SELECT DISTINCT encode(int8send(e.sha8), 'hex') AS sha8, e.fp8
    FROM log_tile AS t, unnest(t.fp8, t.sha8) AS e (fp8, sha8);
CREATE TEMP TABLE named AS SELECT DISTINCT encode(substring(c.tbs_fp FOR 8), 'hex') AS fp8, n AS name
    FROM cert AS c, string_to_table(c.names, ' ') AS n;
SELECT w.sha256, w.name FROM wanted AS w WHERE NOT EXISTS (
    SELECT FROM seen AS s JOIN named AS m ON m.fp8 = encode(int8send(s.fp8), 'hex')
    WHERE s.sha8 = left(w.sha256, 16) AND m.name = w.name);
SQL
    echo "not found: $(wc -l <"$PLAY/missing") of $(wc -l <"$PLAY/names")"
    head "$PLAY/missing"
    [ ! -s "$PLAY/missing" ]
}

@test "search finds a sample of them by name, host and hash" {
    plain_names
    awk 'NR % 97 == 1 && ++n <= 40' "$PLAY/names" >"$PLAY/sample"
    [ "$(wc -l <"$PLAY/sample")" = 40 ]
    while IFS=$'\t' read -r sha256 reversed; do
        name=$(tr . '\n' <<<"$reversed" | tac | paste -sd.)
        fp=$(ctv search "sha256:$sha256" --json | jq -rs '.[0].tbs_fp')
        [ ${#fp} = 64 ]
        ctv search "name:$name" --limit 1000 --json | some_line '.tbs_fp == $fp' --arg fp "$fp" >/dev/null ||
            { echo "$sha256 is not found by name:$name"; return 1; }
        ctv search "host:${name/#\*/any}" --limit 1000 --json | some_line '.tbs_fp == $fp' --arg fp "$fp" >/dev/null ||
            { echo "$sha256 is not found by host:$name"; return 1; }
    done <"$PLAY/sample"
}

@test "the same entries as static-ct tiles give the same rows" {
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log tiles
    assert_complete tiles "$count"
    diff <(stored rfc) <(stored tiles)
}

@test "five data tiles of a real static-ct log: the tree has the log's own hash tiles" {
    vectors=$CTVIGIL_SHARED/vectors/navigli2025h2/tile
    [ -e "$vectors/data/000" ] || skip "no tiles"
    start_sim --static --replay "$vectors/data/000" --replay "$vectors/data/001" --replay "$vectors/data/002" \
        --replay "$vectors/data/003"
    add_log navigli static-ct
    run -0 timeout 120 "$CTVIGIL" --state-dir "$STATE" ingest --once --log navigli
    assert_complete navigli 1024
    # What was verified is the tree of the real hash tiles: its root, from their leaf hashes.
    for tile in 000 001 002 003; do
        curl -sS --noproxy '*' "$SIM_STATIC_URL/tile/0/$tile" | cmp - "$vectors/0/$tile"
    done
    # Its four full tiles are the nodes of level 8; two more levels give the root that ctvigil rebuilt.
    root() {
        { printf '\1'; cat; } | openssl dgst -sha256 -binary
    }
    tile_root() {
        local width=256 from=$1 to
        while [ $width -gt 1 ]; do
            to=$from.up
            : >"$to"
            for ((i = 0; i < width; i += 2)); do
                head -c $((32 * i + 64)) "$from" | tail -c 64 | root >>"$to"
            done
            from=$to width=$((width / 2))
        done
        cat "$from"
    }
    for tile in 000 001 002 003; do
        cp "$vectors/0/$tile" "$PLAY/tile$tile"
        chmod u+w "$PLAY/tile$tile"
        tile_root "$PLAY/tile$tile" >"$PLAY/root$tile"
    done
    cat "$PLAY/root000" "$PLAY/root001" | root >"$PLAY/left"
    cat "$PLAY/root002" "$PLAY/root003" | root >"$PLAY/right"
    [ "$(cat "$PLAY/left" "$PLAY/right" | root | hex)" = \
        "$(sql "SELECT encode(h.root, 'hex') FROM log_head AS h JOIN log AS l ON l.id = h.log
                WHERE l.name = 'navigli' AND h.verified")" ]
}
