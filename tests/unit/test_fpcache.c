/* What a writer remembers to be stored is stored: with and without the memory the same rows come about. */
#include "db/fpcache.h"

#include "tests/fixture/storetest.h"

#define ROUNDS 24
#define EACH   40

static const uint8_t *fp(uint64_t number)
{
    static uint8_t room[32];
    issuances_hash("fp", number, room);
    return room;
}

static void remembers_what_was_added(void **state)
{
    (void)state;
    struct fpcache *cache = fpcache_new(1000);
    assert_non_null(cache);
    assert_false(fpcache_has(cache, fp(1), 1));
    for (uint64_t i = 0; i < 100; i++)
        fpcache_add(cache, fp(i), (int32_t)(i % 3 + 1));
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(fpcache_has(cache, fp(i), (int32_t)(i % 3 + 1)));
        assert_false(fpcache_has(cache, fp(i), (int32_t)(i % 3 + 2))); /* another issuer is another row */
        assert_false(fpcache_has(cache, fp(i), 0));
        assert_false(fpcache_has(cache, fp(i + 100), (int32_t)(i % 3 + 1)));
    }
    /* One bit beside: identity is decided by all of them. */
    for (size_t bit = 0; bit < 256; bit++) {
        uint8_t near[32];
        memcpy(near, fp(7), 32);
        near[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(fpcache_has(cache, near, 2));
    }
    fpcache_forget(cache);
    for (uint64_t i = 0; i < 100; i++)
        assert_false(fpcache_has(cache, fp(i), (int32_t)(i % 3 + 1)));
    fpcache_free(cache);
    fpcache_free(NULL);
}

static void forgets_the_oldest(void **state)
{
    (void)state;
    struct fpcache *cache = fpcache_new(4);
    struct fpcache *none = fpcache_new(0);
    assert_non_null(cache);
    assert_non_null(none);
    for (uint64_t i = 0; i < 6; i++)
        fpcache_add(cache, fp(i), 1);
    fpcache_add(cache, fp(2), 1); /* again: it is the newest now, and there once */
    fpcache_add(cache, fp(6), 1);
    for (uint64_t i = 0; i < 7; i++)
        assert_int_equal(fpcache_has(cache, fp(i), 1), i == 2 || i > 3);
    fpcache_add(none, fp(1), 1);
    assert_false(fpcache_has(none, fp(1), 1));
    fpcache_forget(none);
    fpcache_free(none);
    fpcache_free(cache);
}

/* What one owner adds the others know; whose transaction began before all was forgotten adds nothing. */
static void several_own_one(void **state)
{
    (void)state;
    struct fpcache *cache = fpcache_new(1000);
    struct fpcache *other = fpcache_share(cache);
    uint64_t age = fpcache_as_of(cache, 5);
    assert_true(fpcache_hold(cache, age));
    fpcache_add(cache, fp(1), 1);
    fpcache_let(cache);
    assert_int_equal(fpcache_as_of(other, 5), age);
    assert_true(fpcache_hold(other, age));
    assert_true(fpcache_has(other, fp(1), 1));
    fpcache_let(other);
    uint64_t later = fpcache_as_of(other, 6); /* rows went */
    assert_false(fpcache_hold(cache, age));
    assert_true(fpcache_hold(other, later));
    assert_false(fpcache_has(other, fp(1), 1));
    fpcache_let(other);
    fpcache_forget(cache); /* a new connection, before anything was added */
    assert_false(fpcache_hold(other, later));
    fpcache_free(cache);
    assert_true(fpcache_hold(other, fpcache_as_of(other, 6)));
    fpcache_let(other);
    fpcache_free(other);
}

static const char content_sql[] =
    "SELECT md5(concat_ws(';', (SELECT string_agg(c::text, '|' ORDER BY c.tbs_fp, c.issuer) FROM cert AS c),"
    " (SELECT string_agg(a::text, '|' ORDER BY a::text) FROM cert_apex AS a),"
    " (SELECT string_agg(i::text, '|' ORDER BY i::text) FROM cert_ip AS i),"
    " (SELECT string_agg(i::text, '|' ORDER BY i::text) FROM issued AS i),"
    " (SELECT string_agg(t::text, '|' ORDER BY t.log, t.tile) FROM log_tile AS t),"
    " (SELECT string_agg(m.log || ':' || m.idx, '|' ORDER BY m.log, m.idx) FROM malformed AS m),"
    " (SELECT string_agg(concat_ws(':', a.domain, encode(a.tbs_fp, 'hex'), s.log, s.idx), '|'"
    "  ORDER BY s.log, s.idx) FROM alert AS a JOIN alert_sighting AS s ON s.alert = a.id)))";

/* Two logs in turns show the same issuances soon after one another and much later, some twice in one reply.
 * By one writer, or each by its own, with one memory. */
static void write_stream_by(int writers, size_t remember, char out[64])
{
    struct storetest test;
    struct store_range ranges[2];
    struct batch batch;
    uint64_t seed = 1;
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    struct fpcache *memory = fpcache_new(remember);
    struct store *stores[2];
    for (int i = 0; i < writers; i++) {
        stores[i] = storetest_open(test.dsn);
        store_pg_remember_in(stores[i], memory);
    }
    store_pg_memory_free(memory);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (int i = 0; i < 2; i++)
        storetest_take(stores[i % writers], i + 1, &ranges[i]);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct issuances_entry specs[EACH];
        for (size_t i = 0; i < EACH; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            specs[i] = (struct issuances_entry){(seed >> 33) % (4 * (round + 1)),
                                                seed >> 60 & 1 ? ISSUANCE_PRECERT : ISSUANCE_FINAL,
                                                (seed >> 40) % 50 == 0};
        }
        struct store_range *range = &ranges[round % 2];
        issuances_batch(&batch, &test.log[round % 2], range->next, specs, EACH);
        issuances_alert(&batch, 3, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
        storetest_must_commit(stores[round % 2 % (uint64_t)writers], range, &batch);
    }
    storetest_check(test.dsn);
    check_sql(test.dsn, "SELECT sum(cardinality(fp8)) FROM log_tile", ROUNDS * EACH);
    assert_true(pgtest_sql(test.dsn, content_sql, out, 64));
    batch_fini(&batch);
    for (int i = 0; i < writers; i++)
        stores[i]->ops->free(stores[i]);
}

static void write_stream(size_t remember, char out[64])
{
    write_stream_by(1, remember, out);
}

static void the_same_rows_with_and_without(void **state)
{
    char without[64];
    char with[64];
    (void)state;
    write_stream(0, without);
    write_stream(4, with); /* nearly always forgotten */
    assert_string_equal(with, without);
    write_stream(1000, with);
    assert_string_equal(with, without);
    write_stream_by(2, 0, with);
    assert_string_equal(with, without);
    write_stream_by(2, 1000, with);
    assert_string_equal(with, without);
}

/* What one has stored the other does not store again: the row that somebody changed meanwhile is not looked
 * at. But what was taken away it does. */
static void writers_remember_together(void **state)
{
    struct storetest test;
    struct store_range ranges[2];
    struct batch batch;
    (void)state;
    storetest_new(&test);
    struct fpcache *memory = store_pg_memory();
    struct store *stores[] = {storetest_open(test.dsn), storetest_open(test.dsn)};
    for (size_t i = 0; i < countof(stores); i++)
        store_pg_remember_in(stores[i], memory);
    store_pg_memory_free(memory);
    storetest_take(stores[0], 1, &ranges[0]);
    storetest_take(stores[1], 2, &ranges[1]);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 40);
    storetest_must_commit(stores[0], &ranges[0], &batch);
    storetest_run(test.dsn, "UPDATE cert SET tbs_fp = sha256('other') WHERE tbs_fp = sha256('fp 3')");
    storetest_pairs(&batch, &test.log[1], 0, 0, 40);
    storetest_must_commit(stores[1], &ranges[1], &batch);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE tbs_fp = sha256('fp 3')", 0);
    storetest_run(test.dsn, "DELETE FROM cert WHERE tbs_fp = sha256('other')");
    storetest_pairs(&batch, &test.log[1], 40, 0, 40);
    storetest_must_commit(stores[1], &ranges[1], &batch);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE tbs_fp = sha256('fp 3')", 1);
    batch_fini(&batch);
    for (size_t i = 0; i < countof(stores); i++)
        stores[i]->ops->free(stores[i]);
}

/* The statement before COMMIT fails: nothing of it was stored, so nothing of it may be remembered. */
static void a_refused_commit_is_not_remembered(void **state)
{
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 40);
    storetest_run(test.dsn, "ALTER TABLE log_range ADD CONSTRAINT refused CHECK (next < 5)");
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_DATA);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 0);
    storetest_run(test.dsn, "ALTER TABLE log_range DROP CONSTRAINT refused");
    storetest_must_commit(store, &range, &batch);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 20);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

/* Rows that somebody takes away, whichever way, come back with the next sighting. */
static void what_is_deleted_is_forgotten(void **state)
{
    static const char *const ways[] = {
        "DELETE FROM cert WHERE tbs_fp = sha256('fp 3')",
        ("DO $$ BEGIN EXECUTE format('DELETE FROM %s WHERE tbs_fp = sha256(''fp 3'')',"
         " (SELECT tableoid::regclass FROM cert WHERE tbs_fp = sha256('fp 3'))); END $$"),
        "TRUNCATE cert",
        ("DO $$ BEGIN EXECUTE format('TRUNCATE %s', (SELECT tableoid::regclass FROM cert"
         " WHERE tbs_fp = sha256('fp 3'))); END $$"),
    };
    (void)state;
    for (size_t i = 0; i < countof(ways); i++) {
        struct storetest test;
        struct store_range ranges[2];
        struct batch batch;
        storetest_new(&test);
        struct store *store = storetest_open(test.dsn);
        storetest_take(store, 1, &ranges[0]);
        storetest_take(store, 2, &ranges[1]);
        assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
        storetest_pairs(&batch, &test.log[0], 0, 0, 40);
        storetest_must_commit(store, &ranges[0], &batch);
        storetest_run(test.dsn, ways[i]);
        check_sql(test.dsn, "SELECT count(*) FROM cert WHERE tbs_fp = sha256('fp 3')", 0);
        storetest_pairs(&batch, &test.log[1], 0, 0, 40);
        storetest_must_commit(store, &ranges[1], &batch);
        check_sql(test.dsn, "SELECT count(*) FROM cert", 20);
        storetest_text(test.dsn, "SELECT log || ':' || idx FROM cert WHERE tbs_fp = sha256('fp 3')", "2:6");
        batch_fini(&batch);
        store->ops->free(store);
    }
}

/* One writer remembers an issuance that another takes away, because the bytes that fit the signed root never
 * showed it; then it is really seen. */
static void a_repair_of_another_writer_is_noticed(void **state)
{
    struct storetest test;
    struct store_range ranges[2];
    struct store_range again;
    struct batch batch;
    struct compact frontier;
    struct err why = {0};
    uint64_t changed = 0;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    struct store *mender = storetest_open(test.dsn);
    storetest_take(store, 1, &ranges[0]);
    storetest_take(store, 2, &ranges[1]);
    again = ranges[0];
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 40);
    issuances_hash("fp", 999, batch.entries[6].issuance.tbs_fp); /* both forms of number 3 */
    issuances_hash("fp", 999, batch.entries[7].issuance.tbs_fp);
    storetest_must_commit(store, &ranges[0], &batch);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE tbs_fp = sha256('fp 999')", 1);

    again = ranges[0];
    storetest_pairs(&batch, &test.log[0], 0, 0, 40);
    storetest_compact(&frontier, 40);
    struct store_settle settle = {.range = &again, .next = 40, .frontier = &frontier};
    assert_int_equal(mender->ops->repair_begin(mender, &again, &why), ERR_OK);
    assert_int_equal(mender->ops->repair(mender, &batch, &changed, &why), ERR_OK);
    assert_int_equal(changed, 2);
    if (mender->ops->repair_end(mender, &settle, true, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM cert WHERE tbs_fp = sha256('fp 999')", 0);

    storetest_pairs(&batch, &test.log[1], 0, 0, 40);
    issuances_hash("fp", 999, batch.entries[6].issuance.tbs_fp);
    storetest_must_commit(store, &ranges[1], &batch);
    storetest_text(test.dsn, "SELECT log || ':' || idx FROM cert WHERE tbs_fp = sha256('fp 999')", "2:6");
    storetest_check(test.dsn);
    batch_fini(&batch);
    mender->ops->free(mender);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_what_was_added),
        cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(several_own_one),
        cmocka_unit_test(the_same_rows_with_and_without),
        cmocka_unit_test(writers_remember_together),
        cmocka_unit_test(a_refused_commit_is_not_remembered),
        cmocka_unit_test(what_is_deleted_is_forgotten),
        cmocka_unit_test(a_repair_of_another_writer_is_noticed),
    };
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "fpcache");
}
