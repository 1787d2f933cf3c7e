/* A log whose interval lies in the past is put down, any other is stored as ever; whoever puts rows into
 * their partitions waits for the end of it, but not for long. */
#include "db/store_past.h"

#include <stdlib.h>

#include "base/clock.h"
#include "db/db_load.h"
#include "db/pgstore.h"
#include "tests/fixture/storetest.h"

#define OLD_S INT64_C(1600000000) /* September 2020 */
#define ROOM  (8u << 20)
#define ALL   256
#define MANY  1000 /* entries left, from which on it pays */
#define DAYS  31
#define WAITING                                                                                              \
    "SELECT (SELECT count(*) FROM cert_load) + (SELECT coalesce(sum(count), 0) FROM cert_load_run WHERE "    \
    "kind = 0)"
#define NOON (INT64_C(20000) * 86400000 + 43200000 + 1800000) /* half an hour behind a break */

static const struct db_load_how idle = {.wait_ms = 20000, .idle_only = true};

static void end_interval(const struct storetest *test, const char *ends, int entries)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE log SET interval_begin = %s - interval '1 year', interval_end = %s WHERE id = 1;"
                   "DELETE FROM log_head; INSERT INTO log_head (log, size, root, timestamp, raw) VALUES"
                   " (1, %d, sha256('1'), now(), '')",
                   ends, ends, entries);
    storetest_run(test->dsn, sql);
}

static bool chosen(struct store_past *past, struct pgconn *conn, int64_t wall_ms)
{
    int64_t before_ms = 0;
    struct err why = {0};
    if (store_past_choose(past, conn, 1, wall_ms, &before_ms, &why) != ERR_OK)
        fail_msg("%s", why.text);
    if (before_ms == PGSTORE_LOAD_NOTHING)
        return false;
    assert_true(before_ms > OLD_S * 1000 && before_ms <= clock_wall_ms());
    return true;
}

static struct store_past anew(int64_t days)
{
    return (struct store_past){.days = days, .entries = MANY, .looked_ms = INT64_MIN};
}

static void only_much_of_what_expired_is_put_down(void **state)
{
    static const struct {
        const char *ends;
        int entries;
        int64_t days;
        bool is;
    } rows[] = {{"now() - interval '32 days'", MANY, DAYS, true},
                {"now() - interval '30 days'", MANY, DAYS, false},
                {"now() - interval '32 days'", MANY - 1, DAYS, false},
                {"now() - interval '32 days'", MANY, 0, false},
                {"now() + interval '1 day'", 100 * MANY, DAYS, false},
                {"NULL::timestamptz", 100 * MANY, DAYS, false}};
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    struct store_past past = anew(DAYS);
    assert_false(chosen(&past, conn, NOON)); /* no head is known */
    for (size_t i = 0; i < countof(rows); i++) {
        past = anew(rows[i].days);
        end_interval(&test, rows[i].ends, rows[i].entries);
        if (chosen(&past, conn, NOON) != rows[i].is)
            fail_msg("row %zu", i);
        store_past_rest(&past, conn, NOON + LIMIT_PAST_IDLE_MS);
        assert_false(past.held);
    }
    /* It is looked at now and then; what was begun goes on while anything is left. */
    past = anew(DAYS);
    end_interval(&test, "now() - interval '1 year'", MANY);
    assert_true(chosen(&past, conn, NOON));
    storetest_run(test.dsn, "UPDATE log_range SET next = 999");
    assert_true(chosen(&past, conn, NOON + LIMIT_PAST_LOOK_MS));
    storetest_run(test.dsn, "UPDATE log_range SET next = 1000");
    assert_true(chosen(&past, conn, NOON + 2 * LIMIT_PAST_LOOK_MS - 1));
    assert_false(chosen(&past, conn, NOON + 2 * LIMIT_PAST_LOOK_MS));
    storetest_run(test.dsn, "UPDATE log_range SET next = 1");
    assert_false(chosen(&past, conn, NOON + 3 * LIMIT_PAST_LOOK_MS));
    /* More logs than there is room for. */
    for (int32_t id = 2; id < LIMIT_FOLLOWS + 10; id++) {
        int64_t before_ms;
        past.days = id % 100 == 0 ? DAYS : 0;
        assert_int_equal(store_past_choose(&past, conn, id, NOON, &before_ms, NULL), ERR_OK);
    }
    pgconn_free(conn);
}

static int64_t holders(const struct storetest *test)
{
    return pgtest_count(test->dsn,
                        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'"
                        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
}

static void those_who_seal_wait_but_not_for_long(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    end_interval(&test, "now() - interval '1 year'", MANY);
    struct store_past past = anew(DAYS);
    assert_true(chosen(&past, conn, NOON));
    assert_true(chosen(&past, conn, NOON + 1));
    assert_int_equal(holders(&test), 1);
    store_past_rest(&past, conn, NOON + LIMIT_PAST_IDLE_MS);
    assert_int_equal(holders(&test), 1);
    store_past_rest(&past, conn, NOON + 1 + LIMIT_PAST_IDLE_MS);
    assert_int_equal(holders(&test), 0);
    /* A clock that was set back. */
    assert_true(chosen(&past, conn, NOON));
    store_past_rest(&past, conn, NOON - 1);
    assert_int_equal(holders(&test), 0);
    /* In a break nobody has it, and rows go down all the same. */
    int64_t pause_ms = NOON - NOON % LIMIT_PAST_SEAL_MS + LIMIT_PAST_SEAL_MS;
    assert_true(chosen(&past, conn, pause_ms - 1));
    assert_int_equal(holders(&test), 1);
    store_past_rest(&past, conn, pause_ms);
    assert_int_equal(holders(&test), 0);
    assert_true(chosen(&past, conn, pause_ms + LIMIT_PAST_BREAK_MS - 1));
    assert_int_equal(holders(&test), 0);
    assert_true(chosen(&past, conn, pause_ms + LIMIT_PAST_BREAK_MS));
    assert_int_equal(holders(&test), 1);
    pgconn_free(conn);
}

/* Whoever seals was at something else for all of the break: it goes on until he has begun. */
static void a_break_that_was_missed_goes_on(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    char sql[300];
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    end_interval(&test, "now() - interval '1 year'", MANY);
    int64_t pause_ms = NOON - NOON % LIMIT_PAST_SEAL_MS + LIMIT_PAST_SEAL_MS;
    int64_t over_ms = pause_ms + LIMIT_PAST_BREAK_MS;
    (void)snprintf(sql, sizeof sql,
                   "UPDATE load_state SET since = 'epoch'::timestamptz + interval '1 ms' * %" PRId64 "::int8;"
                   "INSERT INTO load_place SELECT slot, 1, 5, 5 FROM load_state",
                   pause_ms - 1);
    storetest_run(test.dsn, sql);
    struct store_past past = anew(DAYS);
    assert_true(chosen(&past, conn, over_ms));
    assert_int_equal(holders(&test), 0);
    assert_true(chosen(&past, conn, over_ms + 3600000));
    assert_int_equal(holders(&test), 0);
    /* It is asked now and then, for each commit would be dear. */
    storetest_run(test.dsn, "UPDATE load_state SET slot = slot + 1");
    assert_true(chosen(&past, conn, over_ms + 3600000 + LIMIT_PAST_LOOK_MS - 1));
    assert_int_equal(holders(&test), 0);
    assert_true(chosen(&past, conn, over_ms + 3600000 + LIMIT_PAST_LOOK_MS));
    assert_int_equal(holders(&test), 1);
    /* What was put down in this stretch waits for the next break. */
    store_past_rest(&past, conn, over_ms - 1);
    assert_int_equal(holders(&test), 0);
    storetest_run(test.dsn, "INSERT INTO load_place SELECT slot, 1, 6, 6 FROM load_state");
    assert_true(chosen(&past, conn, over_ms));
    assert_int_equal(holders(&test), 1);
    pgconn_free(conn);
}

static void put(struct store *store, struct storetest *test, int log, uint64_t number)
{
    struct batch batch;
    struct store_range range;
    assert_true(batch_init(&batch, ROOM));
    storetest_take(store, log + 1, &range);
    storetest_pairs(&batch, &test->log[log], range.next, number, ALL);
    for (size_t i = 0; i < ALL; i++) {
        struct issuance *issuance = &batch.entries[i].issuance;
        if ((number + i / 2) % 4 == 0)
            continue;
        issuance->not_before = OLD_S + (int64_t)((number + i / 2) % 20) * 86400;
        issuance->not_after = issuance->not_before + 90 * 86400;
    }
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
}

/* One store, a log of the past and one of today; the session is lost in the middle. */
static void what_lives_and_other_logs_are_stored_as_ever(void **state)
{
    struct storetest test;
    struct pgconn *other = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &other, NULL), ERR_OK);
    end_interval(&test, "now() - interval '1 year'", 4 * ALL);
    struct store *store = storetest_open(test.dsn);
    store_pg_past(store, DAYS, 3 * ALL);
    put(store, &test, 0, 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", ALL / 2 / 4);
    check_sql(test.dsn, WAITING, ALL / 2 * 3 / 4);
    put(store, &test, 1, 10000);
    check_sql(test.dsn, "SELECT count(*) FROM load_place WHERE log = 2", 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE log = 2", ALL / 2);
    /* As the clock on the wall says it may be in a break: then it is sealed at once. */
    int64_t held = holders(&test);
    assert_int_equal(db_load_seal(other, &idle, NULL), ERR_OK);
    check_sql(test.dsn, WAITING, held == 0 ? 0 : ALL / 2 * 3 / 4);
    storetest_run(test.dsn,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                  " AND datname = current_database() AND backend_type = 'client backend'");
    struct store_range gone;
    size_t count = 0;
    (void)!store->ops->ranges(store, 1, &gone, 1, &count, NULL); /* hears of it */
    put(store, &test, 0, ALL);
    put(store, &test, 0, 0); /* the same again */
    store->ops->free(store);
    pgconn_free(other);
    assert_int_equal(pgconn_open(test.dsn, &other, NULL), ERR_OK);
    assert_int_equal(db_load_seal(other, &idle, NULL), ERR_OK);
    check_sql(test.dsn, WAITING, 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 3 * ALL / 2);
    storetest_check(test.dsn);
    pgconn_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_much_of_what_expired_is_put_down),
        cmocka_unit_test(those_who_seal_wait_but_not_for_long),
        cmocka_unit_test(a_break_that_was_missed_goes_on),
        cmocka_unit_test(what_lives_and_other_logs_are_stored_as_ever),
    };
    return storetest_main(tests, countof(tests), "store_past");
}
