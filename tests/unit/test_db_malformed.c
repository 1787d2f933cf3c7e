/* Entries that were kept raw come back byte for byte, with what was said of them. */
#include "db/db_malformed.h"

#include "tests/fixture/storetest.h"

#define COUNT 40 /* more than one page */

struct seen {
    size_t count;
    size_t unparsed;
    size_t tiles;
};

static enum err_code note(void *arg, const struct db_malformed_row *row, struct err *why)
{
    struct seen *seen = arg;
    char leaf[64];
    (void)snprintf(leaf, sizeof leaf, "leaf %d %d", (int)row->log_id, (int)row->index);
    assert_true(span_eq(row->leaf, span_str(leaf)));
    assert_int_equal(row->extra.len, 2);
    assert_true(row->extra.at[0] == 0 && row->extra.at[1] == 255);
    assert_true(finding_has(&row->findings, FINDING_SAN_UNREADABLE));
    assert_true(finding_has(&row->findings, FINDING_LEAF_VERSION));
    assert_false(finding_has(&row->findings, FINDING_SAN_EMPTY));
    assert_int_equal(row->tile, row->log_id == 2);
    assert_int_equal(row->timestamp_ms, INT64_C(1790000000000) + (int64_t)row->index);
    seen->count++;
    seen->tiles += row->tile;
    seen->unparsed += row->unparsed;
    return seen->count == 1000 ? err_set(why, ERR_CLOSED, "enough") : ERR_OK;
}

static void all_of_them(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct seen seen = {0};
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn,
                  "UPDATE log SET protocol = 'static-ct' WHERE id = 2;"
                  "INSERT INTO malformed (log, idx, timestamp, findings, leaf, extra) SELECT l, i,"
                  " to_timestamp(1790000000 + i * 0.001), '{leaf_version,san_unreadable,of_a_later_version}',"
                  " convert_to('leaf ' || l || ' ' || i, 'UTF8'), '\\x00ff' FROM generate_series(1, 2) AS l,"
                  " generate_series(0, 19) AS i;"
                  /* Entries 4 and 5 of log 1 were not certificates, 6 was; of the others the tile is gone. */
                  "INSERT INTO log_tile VALUES (1, 0, 4, 6, '{0,0,7}', '{0,0,7}',"
                  " decode(repeat('000000000000020000', 2) || '000000000000010000', 'hex'))");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_malformed_each(conn, note, &seen, NULL), ERR_OK);
    assert_int_equal(seen.count, COUNT);
    assert_int_equal(seen.tiles, COUNT / 2);
    assert_int_equal(seen.unparsed, 2);
    seen.count = 990;
    struct err why = {0};
    assert_int_equal(db_malformed_each(conn, note, &seen, &why), ERR_CLOSED);
    pgconn_free(conn);
}

static void issuers_by_hash(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct db_malformed_issuer issuer;
    uint8_t hash[32];
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO issuer_cert (sha256, spki_sha256, subject, der)"
                            " VALUES (sha256('some'), '', '', 'some'),"
                            " (sha256('long'), '', '', convert_to(repeat('x', 70000), 'UTF8'))");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    dbkey_sha256(SPAN_LIT("some"), hash);
    assert_int_equal(db_malformed_issuer(conn, hash, &issuer, NULL), ERR_OK);
    assert_true(span_eq(span_of(issuer.der, issuer.len), SPAN_LIT("some")));
    dbkey_sha256(SPAN_LIT("long"), hash);
    assert_int_equal(db_malformed_issuer(conn, hash, &issuer, NULL), ERR_OK);
    assert_int_equal(issuer.len, 0);
    dbkey_sha256(SPAN_LIT("none"), hash);
    assert_int_equal(db_malformed_issuer(conn, hash, &issuer, NULL), ERR_OK);
    assert_int_equal(issuer.len, 0);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_of_them), cmocka_unit_test(issuers_by_hash)};
    return storetest_main(tests, countof(tests), "malformed");
}
