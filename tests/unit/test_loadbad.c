/* What a backfill put down and nobody can read any more: its partition is built without it, its entries count
 * as not read until they are read again, and then nothing is missing. */
#include "tests/fixture/storetest.h"

#include "db/db_load.h"
#include "db/pgstore.h"

#define OLD_S    INT64_C(1600000000) /* September 2020 */
#define COMMITS  3
#define ENTRIES  64 /* of a commit */
#define ALL      (COMMITS * ENTRIES)
#define CERTS    (ALL / 2)
#define WAIT_MS  20000
#define WAITING  "SELECT count(*) FROM cert_load_run"
#define ONE_OF_2 " WHERE ctid = (SELECT min(ctid) FROM cert_load_run WHERE first_index = 64 AND kind = "

static const struct db_load_how how = {.wait_ms = WAIT_MS};

struct fixture {
    struct storetest test;
    struct store *store;
    struct pgconn *conn;
    struct batch batch;
};

static void put(struct fixture *fix, struct store_range *range, size_t count)
{
    batch_reset(&fix->batch);
    storetest_pairs(&fix->batch, &fix->test.log[0], range->next, range->next, count);
    for (size_t i = 0; i < count; i++) {
        struct issuance *issuance = &fix->batch.entries[i].issuance;
        issuance->not_before = OLD_S;
        issuance->not_after = OLD_S + 90 * 86400;
    }
    storetest_must_commit(fix->store, range, &fix->batch);
    storetest_compact(&range->frontier, fix->batch.end);
    range->next = fix->batch.end;
}

/* Three commits, put down; compared with a signed head. Then something happens to what waits. */
static void fixture_start(struct fixture *fix, const char *damage)
{
    struct err why = {0};
    struct store_range range;
    *fix = (struct fixture){0};
    storetest_new(&fix->test);
    fix->store = storetest_open(fix->test.dsn);
    assert_int_equal(store_pg_load(fix->store, &why), ERR_OK);
    assert_true(batch_init(&fix->batch, STORETEST_BATCH_BYTES));
    storetest_take(fix->store, 1, &range);
    for (int i = 0; i < COMMITS; i++)
        put(fix, &range, ENTRIES);
    fix->store->ops->range_drop(fix->store, &range);
    storetest_run(fix->test.dsn, "UPDATE log_range SET verified = next, verified_frontier = frontier");
    storetest_run(fix->test.dsn, damage);
    assert_int_equal(pgconn_open(fix->test.dsn, &fix->conn, &why), ERR_OK);
}

static void fixture_end(struct fixture *fix)
{
    storetest_check(fix->test.dsn);
    pgconn_free(fix->conn);
    batch_fini(&fix->batch);
    fix->store->ops->free(fix->store);
}

static void seal(struct fixture *fix)
{
    struct err why = {0};
    if (db_load_seal(fix->conn, &how, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(fix->test.dsn, WAITING, 0);
    check_sql(fix->test.dsn, "SELECT count(*) FROM partition_job", 0);
}

/* Damaged values, and entries that are read again for them. */
static void check_bad(const struct fixture *fix, int64_t values, int64_t entries)
{
    struct err why = {0};
    int64_t found[2] = {-1, -1};
    assert_int_equal(db_load_bad(fix->conn, &found[0], &found[1], &why), ERR_OK);
    assert_int_equal(found[0], values);
    assert_int_equal(found[1], entries);
}

static void coverage(const struct fixture *fix, const char *expected)
{
    storetest_text(
        fix->test.dsn,
        "SELECT string_agg(format('%s %s %s', state, range_begin, range_end), ', ' ORDER BY range_begin)"
        " FROM coverage WHERE log = 1",
        expected);
}

/* Each certificate once, counted, with its keys and addresses. */
static void check_whole(const struct fixture *fix, int64_t certs)
{
    const char *dsn = fix->test.dsn;
    check_sql(dsn, "SELECT count(*) FROM cert", certs);
    check_sql(dsn, "SELECT coalesce(sum(n), 0)::int8 FROM issued", certs);
    check_sql(dsn,
              "SELECT (SELECT count(*) FROM cert_apex AS a WHERE NOT EXISTS (SELECT FROM cert AS c WHERE "
              "c.not_after ="
              " a.not_after AND c.tbs_fp = a.tbs_fp AND c.issuer = a.issuer)) + (SELECT count(*) FROM "
              "cert_ip AS a WHERE"
              " NOT EXISTS (SELECT FROM cert AS c WHERE c.not_after = a.not_after AND c.tbs_fp = a.tbs_fp))",
              0);
    if (certs == CERTS)
        check_sql(dsn, "SELECT count(*) FROM cert_ip", (CERTS + 4) / 5);
}

/* All ranges that wait are read, whatever they are. */
static void read_again(struct fixture *fix)
{
    struct store_range ranges[8];
    struct err why = {0};
    size_t count = 0;
    assert_int_equal(fix->store->ops->ranges(fix->store, 1, ranges, countof(ranges), &count, &why), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        bool taken = false;
        if (ranges[i].end == STORE_RANGE_OPEN ? ranges[i].next >= ALL : ranges[i].next == ranges[i].end)
            continue;
        assert_int_equal(fix->store->ops->range_take(fix->store, &ranges[i], &taken, &why), ERR_OK);
        assert_true(taken);
        put(fix, &ranges[i],
            (size_t)((ranges[i].end == STORE_RANGE_OPEN ? ALL : ranges[i].end) - ranges[i].next));
        fix->store->ops->range_drop(fix->store, &ranges[i]);
    }
}

/* By another backfill, or by a writer that stores at once; both remember what was stored before. */
static void read_and_seal(struct fixture *fix, bool load)
{
    if (!load)
        pgstore_of(fix->store)->load_before_ms = PGSTORE_LOAD_NOTHING;
    read_again(fix);
    if (load)
        seal(fix);
    check_whole(fix, CERTS);
    check_bad(fix, 0, 0);
    check_sql(fix->test.dsn, "SELECT count(*) FROM log_gap", 0);
    check_sql(fix->test.dsn, "SELECT count(*) FROM alert WHERE state <> 'closed'", 0);
}

/* Certificates, keys and addresses; cut, with a row less, with a time that is of another month. */
static void what_is_damaged_is_read_again(void **state)
{
    static const char *const ways[] = {
        "UPDATE cert_load_run SET rows = substring(rows FOR length(rows) - 1)" ONE_OF_2 "0)",
        "UPDATE cert_load_run SET rows = set_byte(rows, 3, get_byte(rows, 3) # 1)" ONE_OF_2 "1)",
        "UPDATE cert_load_run SET rows = '', count = 7" ONE_OF_2 "2)",
        "UPDATE cert_load_run SET rows = set_byte(rows, 11, get_byte(rows, 11) # 1)" ONE_OF_2 "0)",
        "UPDATE cert_load_run SET rows = '\\xff' WHERE first_index = 64",
    };
    (void)state;
    for (size_t i = 0; i < 2 * countof(ways); i++) {
        struct fixture fix;
        fixture_start(&fix, ways[i / 2]);
        const char *dsn = fix.test.dsn;
        seal(&fix);
        check_whole(&fix, CERTS - ENTRIES / 2);
        check_bad(&fix, 1, ENTRIES);
        coverage(&fix, "verified 0 64, not_stored 64 128, verified 128 192");
        check_sql(dsn,
                  "SELECT count(*) FROM log_gap WHERE reason = 'damaged' AND length(begin_frontier) > 0"
                  " AND length(end_frontier) > 0",
                  1);
        check_sql(dsn, "SELECT count(*) FROM coverage_gap WHERE log = 1 AND why LIKE '%damaged'", 1);
        check_sql(dsn, "SELECT count(*) FROM load_bad WHERE first_index <> 64 OR rows IS NULL", 0);
        check_sql(dsn, "SELECT count(*) FROM alert WHERE kind = 'coverage_gap' AND state = 'new'", 1);
        read_and_seal(&fix, i % 2 == 0);
        coverage(&fix, "verified 0 64, seen 64 128, verified 128 192");
        /* Kept for some weeks, and then not. */
        assert_int_equal(db_load_tidy(fix.conn, NULL), ERR_OK);
        check_sql(dsn, "SELECT (count(*) > 0)::int FROM load_bad", 1);
        storetest_run(dsn, "UPDATE load_bad SET found_at = found_at - interval '31 days'");
        assert_int_equal(db_load_tidy(fix.conn, NULL), ERR_OK);
        check_sql(dsn, "SELECT count(*) FROM load_bad", 0);
        fixture_end(&fix);
    }
}

/* However old: as long as its entries are not read again nobody throws it away. */
static void what_was_not_read_again_is_kept(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix, "UPDATE cert_load_run SET rows = '\\xff'" ONE_OF_2 "0)");
    seal(&fix);
    storetest_run(fix.test.dsn, "UPDATE load_bad SET found_at = found_at - interval '31 days'");
    for (int i = 0; i < 2; i++) {
        struct store_range ranges[8];
        struct err why = {0};
        size_t count = 0;
        assert_int_equal(db_load_tidy(fix.conn, NULL), ERR_OK);
        check_sql(fix.test.dsn, "SELECT count(*) FROM load_bad WHERE damaged", 1);
        check_bad(&fix, 1, ENTRIES);
        /* A range that is still to be read is no better than a gap. */
        assert_int_equal(fix.store->ops->ranges(fix.store, 1, ranges, countof(ranges), &count, &why), ERR_OK);
        assert_int_equal(count, 3);
    }
    fixture_end(&fix);
}

/* Two commits of three, one after the other; what is a gap already is none twice. */
static void several_are_damaged(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix, "UPDATE cert_load_run SET rows = '\\xff' WHERE first_index >= 64 AND kind = 0");
    seal(&fix);
    check_whole(&fix, ENTRIES / 2);
    check_bad(&fix, 2, 2 * ENTRIES);
    coverage(&fix, "verified 0 64, not_stored 64 192");
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert", 1);
    read_and_seal(&fix, true);
    fixture_end(&fix);
}

/* A program of before did not say of which commit a value is, nor what the tree was there: all of the slot.
 */
static void of_an_older_program(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix,
                  "UPDATE cert_load_run SET log = NULL, first_index = NULL;"
                  " UPDATE load_place SET begin_frontier = NULL, end_frontier = NULL;"
                  " UPDATE cert_load_run SET rows = '\\xff' WHERE ctid = (SELECT max(ctid) FROM cert_load_run"
                  " WHERE kind = 0)");
    seal(&fix);
    check_whole(&fix, 0);
    check_bad(&fix, 1, ALL);
    coverage(&fix, "not_stored 0 192");
    read_and_seal(&fix, true);
    fixture_end(&fix);
}

/* In one transaction: where it can not be said it is not done. */
static void all_of_it_or_nothing(void **state)
{
    static const char *const tables[] = {"log_gap", "alert", "load_bad"};
    (void)state;
    for (size_t i = 0; i < countof(tables); i++) {
        struct fixture fix;
        struct err why = {0};
        char sql[512];
        fixture_start(&fix, "UPDATE cert_load_run SET rows = '\\xff'" ONE_OF_2 "0)");
        const char *dsn = fix.test.dsn;
        int64_t values = pgtest_count(dsn, WAITING);
        (void)snprintf(
            sql, sizeof sql,
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;"
            " CREATE TRIGGER refuse BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION refuse()",
            tables[i]);
        storetest_run(dsn, sql);
        assert_int_not_equal(db_load_seal(fix.conn, &how, &why), ERR_OK);
        check_sql(dsn, WAITING, values);
        check_sql(dsn,
                  "SELECT (SELECT count(*) FROM log_gap) + (SELECT count(*) FROM alert) + (SELECT count(*) "
                  "FROM load_bad)"
                  " + (SELECT count(*) FROM load_bad_place)",
                  0);
        coverage(&fix, "verified 0 192");
        storetest_run(dsn, "DROP FUNCTION refuse CASCADE");
        seal(&fix);
        check_bad(&fix, 1, ENTRIES);
        read_and_seal(&fix, true);
        fixture_end(&fix);
    }
}

/* The server has lost what stands apart from the row. */
static void what_the_server_can_not_give(void **state)
{
    static const char lose_sql[] =
        "UPDATE cert_load_run SET rows = convert_to(repeat('x', 20000), 'UTF8')" ONE_OF_2 "0);"
        "SET allow_system_table_mods = on;"
        "DO $$DECLARE far oid := (SELECT reltoastrelid FROM pg_class WHERE oid = "
        "'cert_load_run_1'::regclass); BEGIN"
        " ASSERT pg_relation_size(far) > 0; UPDATE pg_class SET relkind = 'r' WHERE oid = far;"
        " EXECUTE 'TRUNCATE ' || far::regclass; UPDATE pg_class SET relkind = 't' WHERE oid = far; END$$";
    (void)state;
    struct fixture fix;
    fixture_start(&fix, lose_sql);
    seal(&fix);
    check_whole(&fix, CERTS - ENTRIES / 2);
    check_bad(&fix, 1, ENTRIES);
    check_sql(fix.test.dsn, "SELECT count(*) FROM load_bad WHERE rows IS NULL AND damaged", 1);
    coverage(&fix, "verified 0 64, not_stored 64 128, verified 128 192");
    read_and_seal(&fix, true);
    fixture_end(&fix);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_damaged_is_read_again), cmocka_unit_test(what_was_not_read_again_is_kept),
        cmocka_unit_test(several_are_damaged),           cmocka_unit_test(of_an_older_program),
        cmocka_unit_test(all_of_it_or_nothing),          cmocka_unit_test(what_the_server_can_not_give),
    };
    return storetest_main(tests, countof(tests), "loadbad");
}
