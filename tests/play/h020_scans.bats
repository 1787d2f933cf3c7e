# No statement of the program reads a table that grows with the logs from its beginning to its end. The statements are
# taken out of the program's own objects, so that a new one can not be forgotten.
load play
load strict

setup_file() {
    play_begin_db
}

teardown_file() {
    play_end
}

# Place and text of every statement in the rooms' objects; what is embedded from sql/ is not one of these.
statements() {
    (cd "$CTVIGIL_BUILD/CMakeFiles" && strings -f -n 12 ctv_{db,watcher,ingest,cli}.dir/*/*.o) |
        sed -n "s#^[^:]*/\([a-z]*/[a-z0-9_]*\)\.c\.o: *\($1\)#\1\t\2#p"
}

@test "no statement of the program reads all certificates, tiles or their indexes" {
    command -v strings >/dev/null || { echo "binutils are missing: ops/check installs them"; false; }
    statements '\(WITH\|SELECT\|INSERT\|UPDATE\|DELETE\|DECLARE\|MERGE\) ' | sort -u |
        grep -wE 'cert|cert_apex|cert_ip|log_tile|place_block|der_chunk|cert_sha256|ct\.[a-z_]+' >"$PLAY/all"
    # Those of a Citus cluster have other tables, and indexes of tiles: unit.spread and unit.scaleout run them.
    grep -vE $'^db/(spread|query_sql\t.*t\\.sha8 @> ARRAY)' "$PLAY/all" >"$PLAY/stated"
    [ "$(wc -l <"$PLAY/stated")" -gt 80 ]
    { statements 'CREATE TEMP TABLE ' | grep -E '^db/(stage|db_psl_move)' | cut -f 2- | sed 's/$/;/'
      echo 'CREATE TEMP TABLE stated (place text, text text);'
      echo "\\copy stated FROM '$PLAY/stated' WITH (FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01')"
      # The function that looks for a hash plans its own statement when it runs.
      echo "INSERT INTO stated SELECT 'sql/place_find', regexp_replace(regexp_replace(substring(prosrc FROM 'RETURN QUERY (SELECT .*);\s*END'),
            'place_find\.kind', '\$1::int2', 'g'), 'place_find\.keys', '\$2::int8[]', 'g') FROM pg_proc WHERE proname = 'place_find';"
      echo "DO \$\$ BEGIN ASSERT (SELECT text LIKE '%place_block%' FROM stated WHERE place = 'sql/place_find'); END \$\$;"
      # This one would be found.
      echo "INSERT INTO stated VALUES ('play', 'SELECT count(*) FROM log_tile WHERE length(info) < \$1'), ('play', 'SELECT tbs_fp FROM cert ORDER BY tbs_fp'), ('play', 'SELECT count(*) FROM place_block WHERE length(places) < \$1');"
      cat "$BATS_TEST_DIRNAME/h020_scans.sql"; } >"$PLAY/run.sql"
    psql -X -At -q -F '|' -v ON_ERROR_STOP=1 -f "$PLAY/run.sql" "$DSN" >"$PLAY/found"
    # Statements that no single server can plan are those of a cluster, whose rows have other columns: unit.scaleout and
    # unit.spread run them. Each has one of the same name beside it that is planned here.
    grep -vE '\|can not be planned: (column "?([a-z]\.)?(ips|keys|apex8|names|first_seen|spki_sha256)"? |relation "pg_dist_)' "$PLAY/found" >"$PLAY/left"
    [ "$(($(wc -l <"$PLAY/found") - $(wc -l <"$PLAY/left")))" -lt 40 ]
    cut -d '|' -f 1,3 "$PLAY/left" | sed 's/ on .*//' | LC_ALL=C sort -u >"$PLAY/is"
    cat "$PLAY/left"
    # Those that may. der_chunk: an index of nothing but what is looked for. db_psl: the first row will do. db_renewal_more: found by
    # a unique index from either side, and here are no rows to choose the side by. store_write: takes its types from the table.
    diff "$PLAY/is" - <<'ROWS'
db/db_der|Bitmap Index Scan
db/db_psl|Bitmap Index Scan
db/db_renewal_more|Index Scan
db/store_write|can not be planned: function unnest(unknown) is not unique
play|Index Only Scan
play|Seq Scan
ROWS
}
