/* Ranges, heads, evidence, notes and issuer certificates of the store. */
#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/limits.h"

struct fixture {
    struct storetest test;
    struct store *store;
    struct err why;
};

static void fixture_start(struct fixture *fix)
{
    *fix = (struct fixture){0};
    storetest_new(&fix->test);
    fix->store = storetest_open(fix->test.dsn);
}

static void check_ok(const struct fixture *fix, enum err_code code)
{
    if (code != ERR_OK)
        fail_msg("%s", fix->why.text);
}

static void ranges_come_in_order_and_are_taken_once(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[4];
    size_t count;
    bool taken;
    fixture_start(&fix);
    storetest_run(fix.test.dsn,
                  "INSERT INTO log_range (log, range_begin, range_end, next, verified) VALUES"
                  " (1, 5000, 6000, 5000, 5000); UPDATE log_range SET range_end = 1000 WHERE id = 1");
    check_ok(&fix, fix.store->ops->ranges(fix.store, 1, ranges, countof(ranges), &count, &fix.why));
    assert_int_equal(count, 2);
    assert_int_equal(ranges[0].end, 1000);
    assert_int_equal(ranges[0].frontier.size, 0);
    assert_int_equal(ranges[1].begin, 5000);
    assert_int_equal(ranges[1].frontier.size, 0); /* not known: next is not 0 */
    check_ok(&fix, fix.store->ops->ranges(fix.store, 2, ranges, 4, &count, &fix.why));
    assert_true(ranges[0].end == STORE_RANGE_OPEN);
    /* What another process did meanwhile comes with the taking. */
    storetest_run(fix.test.dsn, "UPDATE log_range SET next = 9, epoch = 4 WHERE log = 2");
    check_ok(&fix, fix.store->ops->range_take(fix.store, &ranges[0], &taken, &fix.why));
    assert_true(taken);
    assert_int_equal(ranges[0].next, 9);
    assert_int_equal(ranges[0].epoch, 5);
    struct store *other = storetest_open(fix.test.dsn);
    check_ok(&fix, other->ops->range_take(other, &ranges[0], &taken, &fix.why));
    assert_false(taken);
    /* The lock of a dead session is free, and a store that comes back tries to have its locks again. */
    storetest_run(fix.test.dsn, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
    clock_sleep_ms(500);
    check_ok(&fix, fix.store->ops->ranges(fix.store, 2, ranges, 4, &count, &fix.why));
    check_ok(&fix, other->ops->range_take(other, &ranges[0], &taken, &fix.why));
    assert_false(taken);
    fix.store->ops->free(fix.store);
    check_ok(&fix, other->ops->range_take(other, &ranges[0], &taken, &fix.why));
    assert_true(taken);
    ranges[0].id = 999;
    assert_int_equal(other->ops->range_take(other, &ranges[0], &taken, &fix.why), ERR_NOT_FOUND);
    other->ops->free(other);
}

/* The lock was had, and what comes after it fails: others can have the range. */
static void a_range_that_could_not_be_taken(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[4];
    bool taken = true;
    size_t count;
    fixture_start(&fix);
    check_ok(&fix, fix.store->ops->ranges(fix.store, 1, ranges, 4, &count, &fix.why));
    storetest_run(fix.test.dsn,
                  "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
                  "CREATE TRIGGER no BEFORE UPDATE ON log_range EXECUTE FUNCTION no()");
    assert_int_not_equal(fix.store->ops->range_take(fix.store, &ranges[0], &taken, &fix.why), ERR_OK);
    assert_false(taken);
    err_clear(&fix.why);
    storetest_run(fix.test.dsn, "DROP FUNCTION no() CASCADE");
    struct store *other = storetest_open(fix.test.dsn);
    check_ok(&fix, other->ops->range_take(other, &ranges[0], &taken, &fix.why));
    assert_true(taken);
    other->ops->free(other);
    fix.store->ops->free(fix.store);
}

/* What is given back is somebody else's at once, and is not taken again by a store that reconnects. */
static void a_range_is_given_back(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct store_range again;
    bool taken;
    fixture_start(&fix);
    storetest_take(fix.store, 1, &range);
    struct store *other = storetest_open(fix.test.dsn);
    again = range;
    check_ok(&fix, other->ops->range_take(other, &again, &taken, &fix.why));
    assert_false(taken);
    fix.store->ops->range_drop(fix.store, &range);
    fix.store->ops->range_drop(fix.store, &range);
    check_ok(&fix, other->ops->range_take(other, &again, &taken, &fix.why));
    assert_true(taken);
    other->ops->range_drop(other, &again);
    storetest_run(fix.test.dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                                " application_name = 'ctvigil' AND pid <> pg_backend_pid()");
    clock_sleep_ms(300);
    size_t count;
    check_ok(&fix, fix.store->ops->ranges(fix.store, 1, &again, 1, &count, &fix.why));
    check_sql(fix.test.dsn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0);
    other->ops->range_drop(other, &range);
    other->ops->free(other);
    fix.store->ops->free(fix.store);
}

static void a_late_frontier_is_stored_once(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct compact frontier;
    size_t count;
    fixture_start(&fix);
    storetest_run(fix.test.dsn,
                  "UPDATE log_range SET range_begin = 700, next = 700, verified = 700, frontier = NULL"
                  " WHERE log = 1");
    storetest_take(fix.store, 1, &range);
    assert_int_equal(range.frontier.size, 0);
    storetest_compact(&frontier, 700);
    check_ok(&fix, fix.store->ops->range_frontier(fix.store, &range, &frontier, &fix.why));
    check_ok(&fix, fix.store->ops->ranges(fix.store, 1, &range, 1, &count, &fix.why));
    assert_int_equal(range.frontier.size, 700);
    assert_memory_equal(range.frontier.hash, frontier.hash, 32 * compact_count(&frontier));
    range.epoch--;
    assert_int_equal(fix.store->ops->range_frontier(fix.store, &range, &frontier, &fix.why), ERR_DB_CONFLICT);
    fix.store->ops->free(fix.store);
}

static struct head make_head(uint64_t size, uint8_t root, int64_t timestamp_ms, const char *raw)
{
    struct head head = {.size = size, .timestamp_ms = timestamp_ms, .raw = span_str(raw)};
    memset(head.root, root, sizeof head.root);
    return head;
}

static void heads_are_kept_and_forks_found(void **state)
{
    (void)state;
    struct fixture fix;
    struct head other;
    struct head heads[8];
    size_t count;
    bool fork;
    fixture_start(&fix);
    static const struct {
        uint64_t size;
        uint8_t root;
        const char *raw;
        bool fork;
    } rows[] = {{10, 1, "first", false}, {30, 3, "third", false}, {20, 2, "second", false},
                {10, 1, "again", false}, {30, 4, "forked", true}, {0, 9, "", false}};
    for (size_t i = 0; i < countof(rows); i++) {
        struct head head = make_head(rows[i].size, rows[i].root, ISSUANCES_T0 + (int64_t)i, rows[i].raw);
        check_ok(&fix, fix.store->ops->head(fix.store, 1, &head, &fork, &other, &fix.why));
        assert_int_equal(fork, rows[i].fork);
    }
    assert_int_equal(other.size, 30);
    check_ok(&fix, fix.store->ops->heads(fix.store, 1, 9, heads, countof(heads), &count, &fix.why));
    assert_int_equal(count, 4);
    assert_int_equal(heads[0].size, 10);
    assert_true(span_eq(heads[0].raw, SPAN_LIT("again")));
    assert_int_equal(heads[0].timestamp_ms, ISSUANCES_T0 + 3);
    assert_int_equal(heads[1].root[0], 2);
    assert_true(span_eq(heads[2].raw, SPAN_LIT("third")) && span_eq(heads[3].raw, SPAN_LIT("forked")));
    check_ok(&fix, fix.store->ops->heads(fix.store, 1, 10, heads, 1, &count, &fix.why));
    assert_int_equal(count, 1);
    assert_int_equal(heads[0].size, 20);
    check_ok(&fix, fix.store->ops->heads(fix.store, 2, 0, heads, countof(heads), &count, &fix.why));
    assert_int_equal(count, 0);
    fix.store->ops->free(fix.store);
}

/* A head a minute for forty hours, a month ago: thinned to one an hour, whatever a log signed and was not
 * verified, was contradicted, or is the newest stays. */
static void old_verified_heads_are_thinned(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct batch batch;
    struct compact compact;
    bool fork;
    fixture_start(&fix);
    storetest_take(fix.store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    /* In log 1 and in log 2; the size is the minute. */
    storetest_run(
        fix.test.dsn,
        "INSERT INTO log_head (log, size, root, timestamp, raw, seen_at, verified)"
        " SELECT l, n, sha256(n::text::bytea), now(), 'raw', date_trunc('hour', now()) - interval '40 days'"
        " + n * interval '1 min', n <> 700 FROM generate_series(1, 2400) AS n, generate_series(1, 2) AS l;"
        "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account)"
        " VALUES (1, 'root_mismatch', 503, 510, 'x', '{}');"
        "INSERT INTO log_head (log, size, root, timestamp, raw) VALUES (1, 602, sha256('fork'), now(), "
        "'raw')");
    for (int round = 0; round < 3; round++) {
        storetest_pairs(&batch, &fix.test.log[0], range.next, range.next / 2, round == 0 ? 2600 : 100);
        storetest_compact(&compact, batch.end);
        struct head head = make_head(batch.end, 7, ISSUANCES_T0, "newest");
        check_ok(&fix, fix.store->ops->head(fix.store, 1, &head, &fork, NULL, &fix.why));
        struct batch *list = &batch;
        struct store_settle settle = {.range = &range,
                                      .batches = &list,
                                      .count = 1,
                                      .next = batch.end,
                                      .frontier = &compact,
                                      .has_verified = true,
                                      .verified = &compact,
                                      .verified_head = head};
        check_ok(&fix, fix.store->ops->commit(fix.store, &settle, &fix.why));
        /* 41 hours (0:01 to 40:00), 8 of the evidence's sizes, one with a fork and its fork, one not
         * verified. */
        storetest_text(
            fix.test.dsn,
            "SELECT concat_ws(' ', count(*) FILTER (WHERE size <= 2400 AND verified), count(*) FILTER"
            " (WHERE NOT verified), count(*) FILTER (WHERE size BETWEEN 503 AND 510), count(*) FILTER"
            " (WHERE size = 602), count(*) FILTER (WHERE size = 700)) FROM log_head WHERE log = 1",
            "50 2 8 2 1");
    }
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_head WHERE log = 1 AND size >= 2600 AND verified", 3);
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_head WHERE log = 2", 2400);
    check_sql(
        fix.test.dsn,
        "SELECT count(*) FROM generate_series(0, 39) AS n WHERE NOT EXISTS (SELECT FROM log_head AS h WHERE"
        " h.log = 1 AND h.verified AND date_trunc('hour', h.seen_at) = date_trunc('hour', now())"
        " - interval '40 days' + n * interval '1 hour')",
        0);
    batch_fini(&batch);
    fix.store->ops->free(fix.store);
}

/* A log may sign any number as the time. */
static void heads_from_the_end_of_time(void **state)
{
    (void)state;
    static const int64_t times[] = {0, INT64_MAX, INT64_MIN, INT64_C(253402300800000),
                                    INT64_C(9224318016000000)};
    struct fixture fix;
    struct head heads[8];
    size_t count;
    bool fork;
    fixture_start(&fix);
    for (size_t i = 0; i < countof(times); i++) {
        struct head head = make_head(10 + i, 1, times[i], "raw");
        check_ok(&fix, fix.store->ops->head(fix.store, 1, &head, &fork, NULL, &fix.why));
    }
    check_ok(&fix, fix.store->ops->heads(fix.store, 1, 0, heads, countof(heads), &count, &fix.why));
    assert_int_equal(count, countof(times));
    fix.store->ops->free(fix.store);
}

static void verified_never_goes_back(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct batch batch;
    struct compact compact;
    bool fork;
    static const struct {
        uint64_t size;
        uint64_t expected;
    } rows[] = {{40, 40}, {30, 40}, {100, 100}, {99, 100}};
    fixture_start(&fix);
    storetest_take(fix.store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &fix.test.log[0], 0, 0, 100);
    storetest_must_commit(fix.store, &range, &batch);
    for (size_t i = 0; i < countof(rows); i++) {
        struct head head = make_head(rows[i].size, (uint8_t)rows[i].size, ISSUANCES_T0, "raw");
        check_ok(&fix, fix.store->ops->head(fix.store, 1, &head, &fork, NULL, &fix.why));
        storetest_compact(&compact, rows[i].size);
        struct store_settle settle = {
            .range = &range, .next = 100, .has_verified = true, .verified = &compact, .verified_head = head};
        check_ok(&fix, fix.store->ops->verified(fix.store, &settle, &fix.why));
        assert_int_equal(range.verified, rows[i].expected);
        check_sql(fix.test.dsn, "SELECT verified FROM log_range WHERE log = 1", (int64_t)rows[i].expected);
    }
    assert_int_equal(range.frontier.size, 100);
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_head WHERE verified", 4);
    check_sql(fix.test.dsn, "SELECT length(frontier) FROM log_range WHERE log = 1", 8 + 3 * 32);
    batch_fini(&batch);
    fix.store->ops->free(fix.store);
}

static void notes_are_clean(void **state)
{
    (void)state;
    struct fixture fix;
    char text[64];
    fixture_start(&fix);
    check_ok(&fix, fix.store->ops->log_note(fix.store, 1, "evil \x1b]0;x\a \xff line\nsecond", &fix.why));
    storetest_text(fix.test.dsn, "SELECT last_error || (last_contact IS NULL)::text FROM log WHERE id = 1",
                   "evil \\x1b]0;x\\x07 \\xff line\\x0asecondtrue");
    check_ok(&fix, fix.store->ops->log_note(fix.store, 1, "", &fix.why));
    storetest_text(fix.test.dsn,
                   "SELECT last_error || (last_contact > now() - interval '1 min')::text FROM log"
                   " WHERE id = 1",
                   "true");
    assert_true(pgtest_sql(fix.test.dsn, "SELECT last_error FROM log WHERE id = 2", text, sizeof text));
    assert_string_equal(text, "");
    fix.store->ops->free(fix.store);
}

static void issuer_certificates_are_kept(void **state)
{
    (void)state;
    struct fixture fix;
    struct arena arena;
    struct span der;
    uint8_t hash[32] = {1, 2, 3};
    fixture_start(&fix);
    assert_true(arena_init(&arena, 4096));
    assert_int_equal(fix.store->ops->issuer_cert_get(fix.store, hash, &arena, &der, &fix.why), ERR_NOT_FOUND);
    err_clear(&fix.why);
    for (int i = 0; i < 2; i++)
        check_ok(&fix, fix.store->ops->issuer_cert_put(
                           fix.store,
                           &(struct store_ca){1 + i, {1, 2, 3}, {1, 2, 3}, SPAN_LIT("der\0bytes"), SPAN_NONE},
                           &fix.why));
    check_sql(fix.test.dsn, "SELECT log FROM issuer_cert", 1); /* who brought it first */
    check_ok(&fix, fix.store->ops->issuer_cert_get(fix.store, hash, &arena, &der, &fix.why));
    assert_true(span_eq(der, SPAN_LIT("der\0bytes")));
    arena_fini(&arena);
    fix.store->ops->free(fix.store);
}

static void a_silent_session_loses_its_lock(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ours;
    struct store_range theirs;
    bool taken = false;
    fixture_start(&fix);
    storetest_take(fix.store, 1, &ours);
    theirs = ours;
    struct store *other = storetest_open(fix.test.dsn);
    int64_t deadline = clock_mono_ms() + 1000 * (LIMIT_DB_IDLE_S + 20);
    while (!taken && clock_mono_ms() < deadline) {
        clock_sleep_ms(500);
        check_ok(&fix, other->ops->range_take(other, &theirs, &taken, &fix.why));
    }
    assert_true(taken);
    /* The sleeper wakes, works on without noticing, and moves nothing. */
    struct batch batch;
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &fix.test.log[0], 0, 0, 10);
    assert_int_equal(storetest_commit(fix.store, &ours, &batch, &fix.why), ERR_DB_CONFLICT);
    storetest_must_commit(other, &theirs, &batch);
    check_sql(fix.test.dsn, "SELECT next FROM log_range WHERE log = 1", 10);
    batch_fini(&batch);
    other->ops->free(other);
    fix.store->ops->free(fix.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_come_in_order_and_are_taken_once),
        cmocka_unit_test(a_range_that_could_not_be_taken),
        cmocka_unit_test(a_range_is_given_back),
        cmocka_unit_test(a_late_frontier_is_stored_once),
        cmocka_unit_test(heads_are_kept_and_forks_found),
        cmocka_unit_test(old_verified_heads_are_thinned),
        cmocka_unit_test(heads_from_the_end_of_time),
        cmocka_unit_test(verified_never_goes_back),
        cmocka_unit_test(notes_are_clean),
        cmocka_unit_test(issuer_certificates_are_kept),
        cmocka_unit_test(a_silent_session_loses_its_lock),
    };
    return storetest_main(tests, countof(tests), "store_log");
}
