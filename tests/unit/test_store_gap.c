/* What is not stored because the disk is nearly full: it is written down with the position, and read again.
 */
#include "base/limits.h"
#include "db/pgstore.h"
#include "tests/fixture/storetest.h"

struct fixture {
    struct storetest test;
    struct store *store;
    struct store_range range;
    struct batch batch;
};

static void fixture_start(struct fixture *fix)
{
    *fix = (struct fixture){0};
    storetest_new(&fix->test);
    fix->store = storetest_open(fix->test.dsn);
    assert_true(batch_init(&fix->batch, STORETEST_BATCH_BYTES));
    storetest_take(fix->store, 1, &fix->range);
}

static void fixture_end(struct fixture *fix)
{
    storetest_check(fix->test.dsn);
    batch_fini(&fix->batch);
    fix->store->ops->free(fix->store);
}

/* A share that no file system has free, or none. */
static void disk(struct fixture *fix, bool is_short)
{
    store_pg_guard(fix->store, is_short ? 101 : 0, "/tmp");
}

static void commit(struct fixture *fix, size_t count)
{
    batch_reset(&fix->batch);
    storetest_pairs(&fix->batch, &fix->test.log[0], fix->range.next, fix->range.next, count);
    storetest_must_commit(fix->store, &fix->range, &fix->batch);
}

/* `ranges` is where what was not stored is turned into ranges. */
static size_t look(struct fixture *fix, struct store_range *ranges, size_t max)
{
    struct err why = {0};
    size_t count = 0;
    if (fix->store->ops->ranges(fix->store, 1, ranges, max, &count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return count;
}

static void verify(const struct fixture *fix)
{
    storetest_run(fix->test.dsn, "UPDATE log_range SET verified = next, verified_frontier = frontier");
}

static void what_is_not_stored_is_in_the_ledger(void **state)
{
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    commit(&fix, 300);
    disk(&fix, true);
    commit(&fix, 100);
    commit(&fix, 60);
    check_sql(dsn, "SELECT count(*) FROM cert", 150);
    check_sql(dsn, "SELECT max(last_index) FROM log_tile WHERE log = 1", 299);
    check_sql(dsn, "SELECT next FROM log_range WHERE log = 1", 460);
    storetest_text(
        dsn,
        "SELECT string_agg(format('%s %s %s', state, range_begin, range_end), ', ' ORDER BY range_begin)"
        " FROM coverage WHERE log = 1",
        "seen 0 300, not_stored 300 460");
    check_sql(dsn, "SELECT count(*) FROM coverage_gap WHERE reason = 'not_stored' AND log = 1", 1);
    /* One alert for all of it, told to everybody. */
    check_sql(dsn, "SELECT count(*) FROM alert WHERE kind = 'coverage_gap' AND state = 'new'", 1);
    check_sql(dsn, "SELECT count(*) FROM outbox", 2);
    /* With room again storing goes on behind it; it is not forgotten, and another time is another stretch. */
    disk(&fix, false);
    commit(&fix, 40);
    disk(&fix, true);
    commit(&fix, 10);
    storetest_text(
        dsn,
        "SELECT string_agg(format('%s %s %s', state, range_begin, range_end), ', ' ORDER BY range_begin)"
        " FROM coverage WHERE log = 1",
        "seen 0 300, not_stored 300 460, seen 460 500, not_stored 500 510");
    check_sql(dsn, "SELECT count(*) FROM alert", 1);
    check_sql(dsn, "SELECT count(*) FROM cert", 170);
    fixture_end(&fix);
}

/* Merging writes, and frees what it wrote before only later. */
static void places_are_not_merged_without_room(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    commit(&fix, 20);
    disk(&fix, true);
    commit(&fix, 20);
    storetest_run(fix.test.dsn, "INSERT INTO place_block SELECT b.* FROM place_block AS b, "
                                "generate_series(1, 9)");
    pgstore_of(fix.store)->places.fresh = LIMIT_PLACE_LOOK;
    commit(&fix, 20);
    check_sql(fix.test.dsn, "SELECT count(*) FROM place_block WHERE level = 0", 20);
    disk(&fix, false);
    commit(&fix, 20); /* what was there is merged before it */
    check_sql(fix.test.dsn, "SELECT count(*) FROM place_block WHERE level = 0", 2);
    fixture_end(&fix);
}

/* An issuance that was seen while nothing was stored is not taken for one that is stored. */
static void what_was_not_stored_is_stored_by_its_next_sighting(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range other;
    fixture_start(&fix);
    disk(&fix, true);
    commit(&fix, 20);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 0);
    disk(&fix, false);
    storetest_take(fix.store, 2, &other);
    batch_reset(&fix.batch);
    storetest_pairs(&fix.batch, &fix.test.log[1], 0, 0, 20);
    storetest_must_commit(fix.store, &other, &fix.batch);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 10);
    fixture_end(&fix);
}

static void it_becomes_a_range_when_a_signed_head_has_been_compared(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[8];
    struct err why = {0};
    struct compact frontier;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    commit(&fix, 300);
    disk(&fix, true);
    commit(&fix, 100);
    disk(&fix, false);
    commit(&fix, 50);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 1);
    verify(&fix);
    disk(&fix, true);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 1); /* no room */
    disk(&fix, false);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 3);
    for (size_t i = 0; i < 3; i++) {
        static const uint64_t begins[] = {0, 300, 400}, nexts[] = {300, 300, 450};
        assert_int_equal(ranges[i].begin, begins[i]);
        assert_int_equal(ranges[i].next, nexts[i]);
        assert_int_equal(ranges[i].verified, nexts[i]);
        assert_int_equal(ranges[i].frontier.size, nexts[i]);
        assert_true(ranges[i].end == (i == 2 ? STORE_RANGE_OPEN : begins[i + 1]));
    }
    storetest_compact(&frontier, 300);
    assert_memory_equal(ranges[1].frontier.hash, frontier.hash, 32);
    assert_int_equal(ranges[2].id, fix.range.id);
    /* Nothing is left of the gap, and its alert is over before anybody was told. */
    check_sql(dsn, "SELECT count(*) FROM log_gap", 0);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE state = 'closed' AND reason <> ''", 1);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'withdrawn'", 2);
    /* Whoever holds the range reloads it. */
    batch_reset(&fix.batch);
    storetest_pairs(&fix.batch, &fix.test.log[0], 450, 450, 10);
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &why), ERR_DB_CONFLICT);
    /* Read again, it is as if nothing had been. */
    bool taken = false;
    assert_int_equal(fix.store->ops->range_take(fix.store, &ranges[1], &taken, &why), ERR_OK);
    assert_true(taken);
    fix.range = ranges[1];
    commit(&fix, 100);
    check_sql(dsn, "SELECT count(*) FROM cert", 225);
    storetest_text(
        dsn, "SELECT string_agg(format('%s-%s', first_index, last_index), ' ' ORDER BY tile) FROM log_tile",
        "0-255 256-449");
    /* What was cut apart becomes one again. */
    enum store_meet met;
    assert_int_equal(fix.store->ops->range_meet(fix.store, &fix.range, false, &met, &why), ERR_OK);
    assert_int_equal(met, STORE_MEET_JOINED);
    assert_int_equal(fix.store->ops->range_meet(fix.store, &ranges[0], false, &met, &why), ERR_OK);
    assert_int_equal(met, STORE_MEET_JOINED);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 1);
    assert_int_equal(ranges[0].begin, 0);
    assert_int_equal(ranges[0].next, 450);
    assert_int_equal(ranges[0].verified, 450);
    fixture_end(&fix);
}

/* At the beginning, at the end of a closed range, the whole of one, and where no proof of the tree could be
 * had. */
static void gaps_at_the_edges_of_what_is_read(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[8];
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    storetest_run(dsn, "UPDATE log_range SET range_end = 100 WHERE log = 1");
    fix.range.end = 100;
    disk(&fix, true);
    commit(&fix, 40);
    disk(&fix, false);
    commit(&fix, 20);
    disk(&fix, true);
    commit(&fix, 40);
    verify(&fix);
    disk(&fix, false);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 3);
    static const uint64_t begins[] = {0, 40, 60}, nexts[] = {0, 60, 60}, ends[] = {40, 60, 100};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ranges[i].begin, begins[i]);
        assert_int_equal(ranges[i].next, nexts[i]);
        assert_int_equal(ranges[i].end, ends[i]);
    }
    fixture_end(&fix);

    fixture_start(&fix);
    storetest_run(dsn, "UPDATE log_range SET range_begin = 500, next = 500, verified = 500, frontier = NULL");
    storetest_take(fix.store, 1, &fix.range);
    commit(&fix, 10);
    disk(&fix, true);
    commit(&fix, 10);
    storetest_run(dsn, "UPDATE log_range SET frontier = NULL; UPDATE log_gap SET begin_frontier = NULL");
    disk(&fix, false);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 3);
    assert_int_equal(ranges[0].verified, 500);
    assert_int_equal(ranges[1].next, 510);
    assert_int_equal(ranges[1].frontier.size, 0);
    assert_int_equal(ranges[2].next, 520);
    assert_int_equal(ranges[2].verified, 520);
    fixture_end(&fix);
}

/* A range that was joined without a proof: where it is cut, nothing is verified that was not. */
static void what_lies_in_front_is_verified_as_far_as_it_was(void **state)
{
    (void)state;
    static const struct {
        uint64_t verified, expected;
    } rows[] = {{0, 0}, {40, 40}, {100, 100}, {120, 100}};
    for (size_t i = 0; i < countof(rows); i++) {
        struct fixture fix;
        struct store_range ranges[8];
        char sql[256];
        fixture_start(&fix);
        commit(&fix, 40);
        commit(&fix, 60);
        disk(&fix, true);
        commit(&fix, 40);
        disk(&fix, false);
        commit(&fix, 10);
        (void)snprintf(sql, sizeof sql,
                       "UPDATE log_range SET frontier = NULL, verified = %d, verified_frontier = NULL"
                       " WHERE log = 1",
                       (int)rows[i].verified);
        storetest_run(fix.test.dsn, sql);
        assert_int_equal(look(&fix, ranges, countof(ranges)), 3);
        assert_int_equal(ranges[0].next, 100);
        assert_int_equal(ranges[0].verified, rows[i].expected);
        assert_int_equal(ranges[1].verified, 100);
        assert_int_equal(ranges[1].begin_frontier.size, 0);
        assert_int_equal(ranges[2].begin_frontier.size, 0);
        fixture_end(&fix);
    }
}

/* What was not stored and came wrong is stored by the repair, and nothing that was computed from the wrong
 * bytes is taken for proven. */
static void a_repair_fills_what_was_not_stored(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[8];
    struct err why = {0};
    struct compact right;
    uint64_t changed = 0;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    commit(&fix, 20);
    disk(&fix, true);
    commit(&fix, 10);
    verify(&fix);
    storetest_take(fix.store, 1, &fix.range);
    commit(&fix, 10);
    disk(&fix, false);
    commit(&fix, 10);
    disk(&fix, true);
    commit(&fix, 10);
    disk(&fix, false);
    check_sql(dsn, "SELECT count(*) FROM log_gap", 2);
    storetest_compact(&right, 60);
    struct store_settle settle = {.range = &fix.range,
                                  .next = 60,
                                  .frontier = &right,
                                  .has_verified = true,
                                  .verified = &right,
                                  .verified_head = {.size = 60}};
    batch_reset(&fix.batch);
    storetest_pairs(&fix.batch, &fix.test.log[0], 30, 30, 30);
    assert_int_equal(fix.store->ops->repair_begin(fix.store, &fix.range, &why), ERR_OK);
    assert_int_equal(fix.store->ops->repair(fix.store, &fix.batch, &changed, &why), ERR_OK);
    assert_true(changed >= 20);
    assert_int_equal(fix.store->ops->repair_end(fix.store, &settle, true, &why), ERR_OK);
    storetest_text(dsn, "SELECT string_agg(range_begin || '-' || range_end, ' ') FROM log_gap", "20-30");
    check_sql(dsn, "SELECT count(*) FROM alert WHERE state = 'new'", 1);
    assert_int_equal(look(&fix, ranges, countof(ranges)), 3);
    assert_int_equal(ranges[2].begin, 30);
    assert_int_equal(ranges[2].begin_frontier.size, 30);
    assert_int_equal(ranges[2].verified, 60);
    fixture_end(&fix);
}

/* A log that contradicts itself is never compared as far as its gaps lie: they are read again all the same,
 * and what was computed over bytes that do not fit is nobody's frontier. */
static void what_a_log_that_contradicts_itself_did_not_store_is_read_again(void **state)
{
    (void)state;
    for (int at_end = 0; at_end < 2; at_end++) {
        struct fixture fix;
        struct store_range ranges[8];
        struct err why = {0};
        const char *dsn = fix.test.dsn;
        fixture_start(&fix);
        commit(&fix, 20);
        verify(&fix);
        storetest_take(fix.store, 1, &fix.range);
        commit(&fix, 80);
        disk(&fix, true);
        commit(&fix, 40);
        disk(&fix, false);
        if (!at_end)
            commit(&fix, 10);
        else
            storetest_run(dsn, "UPDATE log_range SET range_end = 140 WHERE log = 1");
        assert_int_equal(look(&fix, ranges, countof(ranges)), 1);
        /* Of what lies behind it is not the gap's. */
        storetest_run(dsn,
                      "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account) VALUES"
                      " (1, 'root_mismatch', 150, 160, '', '{}'), (1, 'fork', 20, 20, '', '{}'),"
                      " (2, 'root_mismatch', 0, 90, '', '{}')");
        assert_int_equal(look(&fix, ranges, countof(ranges)), 1);
        struct store_evidence evidence = {.log_id = 1,
                                          .kind = "root_mismatch",
                                          .begin = 20,
                                          .end = 90,
                                          .json = SPAN_LIT("{}"),
                                          .path = "",
                                          .sentence = "entries 20 to 89 do not fit"};
        assert_int_equal(fix.store->ops->inconsistent(fix.store, &evidence, &why), ERR_OK);
        assert_int_equal(look(&fix, ranges, countof(ranges)), at_end ? 2 : 3);
        assert_int_equal(ranges[0].next, 100);
        assert_int_equal(ranges[0].verified, 20);
        assert_int_equal(ranges[0].verified_frontier.size, 20);
        assert_int_equal(ranges[1].begin, 100);
        assert_int_equal(ranges[1].end, 140);
        assert_int_equal(ranges[1].next, 100);
        assert_int_equal(ranges[1].frontier.size, 0);
        assert_int_equal(ranges[1].verified_frontier.size, 0);
        if (!at_end) {
            assert_int_equal(ranges[2].begin, 140);
            assert_int_equal(ranges[2].next, 150);
            assert_int_equal(ranges[2].verified, 140);
            assert_int_equal(ranges[2].frontier.size, 0);
        }
        check_sql(dsn, "SELECT count(*) FROM log_gap", 0);
        storetest_take(fix.store, 1, &fix.range);
        fixture_end(&fix);
    }
}

/* A log never has more ranges than whoever reads it can hold: what there is no place for stays in the ledger.
 */
static void more_gaps_than_a_log_may_have_ranges(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range ranges[LIMIT_RANGES];
    fixture_start(&fix);
    for (int i = 0; i < LIMIT_RANGES; i++) {
        commit(&fix, 10);
        disk(&fix, true);
        commit(&fix, 10);
        disk(&fix, false);
    }
    commit(&fix, 10);
    verify(&fix);
    size_t count = look(&fix, ranges, countof(ranges));
    assert_int_equal(look(&fix, ranges, countof(ranges)), count);
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_range WHERE log = 1", (int64_t)count);
    assert_true(ranges[count - 1].end == STORE_RANGE_OPEN);
    check_sql(fix.test.dsn, "SELECT count(*) FROM log_gap", LIMIT_RANGES - (int64_t)(count - 1) / 2);
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert WHERE state = 'new'", 1);
    fixture_end(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_stored_is_in_the_ledger),
        cmocka_unit_test(places_are_not_merged_without_room),
        cmocka_unit_test(what_was_not_stored_is_stored_by_its_next_sighting),
        cmocka_unit_test(it_becomes_a_range_when_a_signed_head_has_been_compared),
        cmocka_unit_test(gaps_at_the_edges_of_what_is_read),
        cmocka_unit_test(what_lies_in_front_is_verified_as_far_as_it_was),
        cmocka_unit_test(a_repair_fills_what_was_not_stored),
        cmocka_unit_test(what_a_log_that_contradicts_itself_did_not_store_is_read_again),
        cmocka_unit_test(more_gaps_than_a_log_may_have_ranges),
    };
    return storetest_main(tests, countof(tests), "store_gap");
}
