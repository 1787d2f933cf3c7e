/* Domains that wait for their history scan: small ones together, a large one behind them and piece by piece,
 * and nothing twice when a piece is cut off. */
#include "cli/pendingscan.h"

#include "tests/fixture/storetest.h"

#include "db/db_pending.h"
#include "db/pgexec.h"

#define ROWS  300 /* of the large domain: three pages */
#define SMALL 5

/* Every certificate has a name of big.test; the first ones have one of s0.test, s1.test ... as well. */
static void store_all(struct storetest *test)
{
    struct issuances_entry specs[ROWS];
    struct store *store = storetest_open(test->dsn);
    struct store_range range;
    struct batch batch;
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (size_t i = 0; i < ROWS; i++)
        specs[i] = (struct issuances_entry){i, ISSUANCE_PRECERT, false};
    issuances_batch(&batch, &test->log[0], 0, specs, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        struct issuance *issuance = &batch.entries[i].issuance;
        struct name *names = arena_zeroed(&batch.arena, 2, sizeof *names);
        char small[32];
        must(names != NULL);
        int len = snprintf(small, sizeof small, "s%zu.test", i);
        issuances_name(&names[0], SPAN_LIT("big.test"), 8);
        issuances_name(&names[1], arena_copy(&batch.arena, span_of(small, (size_t)len)), (size_t)len);
        issuance->names = names;
        issuance->name_count = i < SMALL ? 2 : 1;
        issuance->subject_cn = SPAN_NONE;
    }
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

/* The large one was registered first. */
static void begin(struct storetest *test)
{
    storetest_new(test);
    store_all(test);
    storetest_run(test->dsn, "INSERT INTO domain (name, kind) VALUES ('big.test', 'dns');"
                             "INSERT INTO domain (name, kind) SELECT 's' || i || '.test', 'dns'"
                             " FROM generate_series(0, 4) AS i");
}

/* By a connection of its own, as a process that begins; the code. */
static enum err_code look(const struct pendingscan *how, bool *more)
{
    struct pgconn *conn = NULL;
    struct err why = {0};
    assert_int_equal(pgconn_open(how->dsn, &conn, &why), ERR_OK);
    enum err_code code = pendingscan_look(how, conn, more, &why);
    pgconn_free(conn);
    return code;
}

static void all_alerts_are_there(const char *dsn)
{
    check_sql(dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE domain_name = 'big.test'", ROWS);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE domain_name <> 'big.test'", SMALL);
    check_sql(dsn, "SELECT count(*) FROM pair_look", ROWS + SMALL);
    check_sql(dsn, "SELECT count(*) FROM outbox", 2 * (ROWS + SMALL));
    check_sql(dsn, "SELECT count(*) FROM domain_place", 0);
}

static void all_in_one_pass(void **state)
{
    struct storetest test;
    bool more = true;
    (void)state;
    begin(&test);
    const struct pendingscan how = {.dsn = test.dsn, .piece_ms = 60000, .rows = 1000};
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_false(more);
    all_alerts_are_there(test.dsn);
}

/* Each look has time for one piece of one page; between them the process is another one. */
static void a_large_one_goes_piece_by_piece(void **state)
{
    struct storetest test;
    bool more = false;
    int looks = 1;
    (void)state;
    begin(&test);
    const struct pendingscan how = {.dsn = test.dsn, .most_ms = 1, .piece_ms = 1, .rows = 100};
    /* The small ones, and a piece. */
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_true(more);
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 1);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE domain_name <> 'big.test'", SMALL);
    const struct pendingscan piece = {.dsn = test.dsn, .most_ms = 1, .piece_ms = 1, .rows = 100};
    for (; more && looks < 50; looks++) {
        assert_int_equal(look(&piece, &more), ERR_OK);
        if (more)
            check_sql(test.dsn, "SELECT count(*) FROM domain_place", 1);
    }
    assert_false(more);
    all_alerts_are_there(test.dsn);
}

/* One that expired, put down by a backfill; it concerns big.test, too. */
static void put_down(struct storetest *test)
{
    const struct issuances_entry spec = {ROWS, ISSUANCE_PRECERT, false};
    struct store *store = storetest_open(test->dsn);
    struct store_range range;
    struct batch batch;
    assert_int_equal(store_pg_load(store, NULL), ERR_OK);
    storetest_take(store, 2, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &test->log[1], 0, &spec, 1);
    struct issuance *issuance = &batch.entries[0].issuance;
    struct name *name = arena_zeroed(&batch.arena, 1, sizeof *name);
    must(name != NULL);
    issuances_name(name, SPAN_LIT("big.test"), 8);
    issuance->names = name;
    issuance->name_count = 1;
    issuance->subject_cn = SPAN_NONE;
    issuance->not_before = 1600000000;
    issuance->not_after = issuance->not_before + 86400;
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

/* What one partition lacks hides nothing of the others; the domains stay pending until it is there. In one
 * pass, and piece by piece where the time of each is over at once. */
static void what_can_not_be_put_in_its_place_hides_nothing_else(void **state)
{
    struct storetest test;
    bool more = false;
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct pendingscan_rest rest = {0};
        begin(&test);
        put_down(&test);
        storetest_run(test.dsn, "ALTER FUNCTION partition_index_all() RENAME TO kept;"
                                "CREATE FUNCTION partition_index_all() RETURNS void LANGUAGE plpgsql AS"
                                " 'BEGIN RAISE EXCEPTION ''nothing goes there''; END'");
        const struct pendingscan how = {
            .dsn = test.dsn, .most_ms = 1, .piece_ms = 1, .rows = large ? 100 : 1000, .rest = &rest};
        assert_int_equal(look(&how, &more), ERR_DB_PART);
        check_sql(test.dsn, "SELECT count(*) FROM alert", ROWS + SMALL);
        check_sql(test.dsn, "SELECT count(*) FROM pair_look", ROWS + SMALL);
        check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", SMALL + 1);
        check_sql(test.dsn, "SELECT count(*) FROM domain_place", 0);
        /* Not again at once, but for somebody new. */
        assert_int_equal(look(&how, &more), ERR_OK);
        assert_false(more);
        storetest_run(test.dsn, "UPDATE domain_generation SET generation = generation + 1");
        assert_int_equal(look(&how, &more), ERR_DB_PART);
        storetest_run(test.dsn, "DROP FUNCTION partition_index_all();"
                                "ALTER FUNCTION kept() RENAME TO partition_index_all");
        rest.until_ms = 0;
        more = true;
        for (int looks = 0; more && looks < 50; looks++)
            assert_int_equal(look(&how, &more), ERR_OK);
        check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
        check_sql(test.dsn, "SELECT count(*) FROM alert", ROWS + SMALL + 1);
    }
}

static void place_some(struct db_domain_history_place *place)
{
    place->part = 3;
    place->begun = true;
    place->not_before_ms = 7000;
    place->issuer = 2;
    memset(place->tbs_fp, 9, sizeof place->tbs_fp);
}

static bool set_days(void *arg, struct watch *watch)
{
    watch->max_days = *(const int64_t *)arg;
    return watch->id == 1;
}

static void edit(struct pgconn *conn, int64_t days)
{
    struct db_domain_edit change = {.each = set_days, .arg = &days};
    struct err why = {0};
    assert_int_equal(db_domain_edit(conn, &change, &why), ERR_OK);
    watch_free(change.watches, change.count);
}

/* Where it stands counts for the rules it was judged by: those at the beginning of the piece. */
static void other_rules_begin_anew(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    const struct watch watch = {.id = 1};
    struct db_domain_history_place place;
    struct db_domain_history_place kept;
    struct err why = {0};
    (void)state;
    begin(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    static const char *const changes[] = {
        "SELECT 1",
        "UPDATE domain SET policy = '{\"max_days\": 7}' WHERE id = 1",
        "INSERT INTO domain_allow (domain, spki_sha256, label) VALUES (1, sha256(''), 'x')",
        "INSERT INTO psl (sha256, list) VALUES (sha256('new'), 'test')",
        "INSERT INTO schema_migration (version, name, sha256) VALUES (9999, 'x', sha256(''))",
        "INSERT INTO schema_migration (version, name, sha256) VALUES (-1, 'one that came late', sha256(''))",
    };
    for (size_t i = 0; i < countof(changes); i++) {
        assert_int_equal(db_pending_place(conn, 1, &place, &why), ERR_OK);
        place_some(&place);
        storetest_run(test.dsn, changes[i]);
        /* What is kept of before a change counts no more, and after it nothing of before is kept. */
        for (int again = 0; again < 2; again++) {
            assert_int_equal(db_pending_place(conn, 1, &kept, &why), ERR_OK);
            assert_true(kept.begun == (i == 0 && again == 1));
            assert_int_equal(db_pending_keep(conn, &watch, &place, &why), ERR_OK);
        }
        assert_int_equal(db_pending_place(conn, 1, &kept, &why), ERR_OK);
        assert_true(kept.begun == (i == 0));
        place_some(&kept);
        assert_int_equal(db_pending_keep(conn, &watch, &kept, &why), ERR_OK);
        assert_int_equal(db_pending_place(conn, 1, &kept, &why), ERR_OK);
        assert_true(kept.begun && kept.part == 3 && kept.not_before_ms == 7000 && kept.issuer == 2);
        assert_memory_equal(kept.tbs_fp, place.tbs_fp, 32);
    }
    storetest_run(test.dsn, "DELETE FROM domain WHERE id = 1");
    check_sql(test.dsn, "SELECT count(*) FROM domain_place", 0);
    pgconn_free(conn);
}

/* Other rules, and those of before again: what was scanned by the first ones in the meantime is as nothing.
 */
static void rules_and_back_begin_anew(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    const struct watch before = {.id = 1};
    const struct watch after = {.id = 1, .rules = 2};
    struct db_domain_history_place place;
    enum db_pending_state pending = DB_PENDING_NOT;
    struct err why = {0};
    bool done = true;
    (void)state;
    begin(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    assert_int_equal(db_pending_place(conn, 1, &place, &why), ERR_OK);
    place_some(&place);
    assert_int_equal(db_pending_keep(conn, &before, &place, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM domain_place", 1);
    edit(conn, 7);
    check_sql(test.dsn, "SELECT count(*) FROM domain_place", 0);
    edit(conn, 0);
    assert_int_equal(db_pending_keep(conn, &before, &place, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM domain_place", 0);
    assert_int_equal(db_pending_is(conn, &before, &pending, &why), ERR_OK);
    assert_int_equal(pending, DB_PENDING_CHANGED);
    assert_int_equal(db_domain_history_done(conn, 1, before.rules, &done, &why), ERR_OK);
    assert_false(done);
    assert_int_equal(db_pending_is(conn, &after, &pending, &why), ERR_OK);
    assert_int_equal(pending, DB_PENDING_YES);
    assert_int_equal(db_domain_history_done(conn, 1, after.rules, &done, &why), ERR_OK);
    assert_true(done);
    assert_int_equal(db_pending_is(conn, &after, &pending, &why), ERR_OK);
    assert_int_equal(pending, DB_PENDING_NOT);
    pgconn_free(conn);
}

/* Rules that change while others are scanned, in a transaction that the first alert makes: a look leaves the
 * domain whose scan was under way to the next one; the other one is scanned by what its rules are then. */
static void rules_that_change_meanwhile(void **state)
{
    struct storetest test;
    bool more = false;
    (void)state;
    begin(&test);
    storetest_run(test.dsn,
                  "CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " UPDATE domain SET policy = '{\"max_days\": 7}', rules_version = 1 WHERE rules_version = 0"
                  "  AND name IN ('big.test', 's3.test'); RETURN NEW; END $$;"
                  "CREATE TRIGGER change BEFORE INSERT ON alert FOR EACH ROW EXECUTE FUNCTION change()");
    const struct pendingscan how = {.dsn = test.dsn, .piece_ms = 60000, .rows = 100};
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_true(more);
    storetest_text(test.dsn,
                   "SELECT string_agg(name, ' ' ORDER BY name) FROM domain WHERE history_at IS NULL",
                   "s3.test");
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_false(more);
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE domain_name = 'big.test'", ROWS);
}

static void one_that_fails_takes_no_other_along(void **state)
{
    struct storetest test;
    bool more = true;
    (void)state;
    begin(&test);
    storetest_run(test.dsn, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                            " RAISE EXCEPTION 'not this one'; END $$;"
                            "CREATE TRIGGER refuse BEFORE INSERT ON alert FOR EACH ROW"
                            " WHEN (NEW.domain_name = 's2.test') EXECUTE FUNCTION refuse()");
    const struct pendingscan how = {.dsn = test.dsn, .piece_ms = 60000, .rows = 1000};
    assert_int_not_equal(look(&how, &more), ERR_OK);
    storetest_text(test.dsn, "SELECT string_agg(name, ' ') FROM domain WHERE history_at IS NULL", "s2.test");
    storetest_run(test.dsn, "DROP TRIGGER refuse ON alert");
    assert_int_equal(look(&how, &more), ERR_OK);
    all_alerts_are_there(test.dsn);
}

/* Some hundreds, of which the five have something: one that fails takes none of the others along, and is the
 * only one that is left. */
static void of_many_one_fails(void **state)
{
    struct storetest test;
    bool more = true;
    (void)state;
    begin(&test);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) SELECT 'none' || i || '.test', 'dns'"
                            " FROM generate_series(1, 300) AS i;"
                            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                            " RAISE EXCEPTION 'not this one'; END $$;"
                            "CREATE TRIGGER refuse BEFORE INSERT ON alert FOR EACH ROW"
                            " WHEN (NEW.domain_name = 's2.test') EXECUTE FUNCTION refuse()");
    const struct pendingscan how = {.dsn = test.dsn, .piece_ms = 60000, .rows = 1000};
    assert_int_not_equal(look(&how, &more), ERR_OK);
    storetest_text(test.dsn, "SELECT string_agg(name, ' ') FROM domain WHERE history_at IS NULL", "s2.test");
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE domain_name = 's4.test'", 1);
    storetest_run(test.dsn, "DROP TRIGGER refuse ON alert");
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_false(more);
    all_alerts_are_there(test.dsn);
}

/* A domain that somebody is at is his; and so are the lists, but not for ever. */
static void what_others_are_at(void **state)
{
    struct storetest test;
    struct pgconn *other = NULL;
    struct err why = {0};
    unsigned missed = 0;
    bool more = true;
    bool taken = false;
    (void)state;
    begin(&test);
    assert_int_equal(pgconn_open(test.dsn, &other, &why), ERR_OK);
    assert_int_equal(db_pending_lock(other, "s1.test", false, &taken, &why), ERR_OK);
    assert_int_equal(db_pending_lock(other, DB_PENDING_MANY, false, &taken, &why), ERR_OK);
    assert_true(taken);
    const struct pendingscan how = {.dsn = test.dsn, .piece_ms = 60000, .rows = 100, .missed = &missed};
    for (int i = 1; i < PENDINGSCAN_MISSED; i++) {
        assert_int_equal(look(&how, &more), ERR_OK);
        assert_false(more);
    }
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 1 + SMALL);
    assert_int_equal(look(&how, &more), ERR_OK);
    storetest_text(test.dsn, "SELECT string_agg(name, ' ') FROM domain WHERE history_at IS NULL", "s1.test");
    assert_int_equal(db_pending_unlock(other, DB_PENDING_MANY, &why), ERR_OK);
    assert_int_equal(db_pending_unlock(other, "s1.test", &why), ERR_OK);
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_int_equal(missed, 0);
    all_alerts_are_there(test.dsn);
    pgconn_free(other);
}

/* A row that a transaction holds is left as it is, and nobody waits for it. */
static void a_row_that_is_held_is_left(void **state)
{
    struct storetest test;
    struct pgconn *other = NULL;
    struct err why = {0};
    bool more = false;
    (void)state;
    begin(&test);
    assert_int_equal(pgconn_open(test.dsn, &other, &why), ERR_OK);
    assert_int_equal(
        pgexec_script(other, "BEGIN; UPDATE domain SET owner = 'x' WHERE name = 's4.test'", &why), ERR_OK);
    const struct pendingscan how = {.dsn = test.dsn, .piece_ms = 60000, .rows = 1000};
    storetest_run(test.dsn, "UPDATE domain SET history_at = now() WHERE name IN ('s0.test', 's1.test')");
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_true(more);
    storetest_text(test.dsn, "SELECT string_agg(name, ' ') FROM domain WHERE history_at IS NULL", "s4.test");
    assert_int_equal(pgexec_script(other, "COMMIT", &why), ERR_OK);
    pgconn_free(other);
    assert_int_equal(look(&how, &more), ERR_OK);
    assert_false(more);
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
}

static void how_long_it_takes(void **state)
{
    char text[PENDINGSCAN_PROGRESS_MAX];
    (void)state;
    pendingscan_progress(&(struct db_pending_progress){.all = 1000, .left = 300}, text, sizeof text);
    assert_string_equal(text,
                        "300 of 1000 registered domains wait for their history scan; none was done in the"
                        " last minute");
    pendingscan_progress(&(struct db_pending_progress){.all = 1000, .left = 300, .minute = 600}, text,
                         sizeof text);
    assert_string_equal(text,
                        "300 of 1000 registered domains wait for their history scan; 600 were done in the"
                        " last minute, so it takes about 30 seconds more");
    pendingscan_progress(&(struct db_pending_progress){.all = 1000000, .left = 900000, .minute = 60000}, text,
                         sizeof text);
    assert_string_equal(text,
                        "900000 of 1000000 registered domains wait for their history scan; 60000 were done"
                        " in the last minute, so it takes about 15 minutes more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_in_one_pass),
                                       cmocka_unit_test(what_can_not_be_put_in_its_place_hides_nothing_else),

                                       cmocka_unit_test(a_large_one_goes_piece_by_piece),
                                       cmocka_unit_test(other_rules_begin_anew),
                                       cmocka_unit_test(rules_and_back_begin_anew),
                                       cmocka_unit_test(rules_that_change_meanwhile),
                                       cmocka_unit_test(one_that_fails_takes_no_other_along),
                                       cmocka_unit_test(of_many_one_fails),
                                       cmocka_unit_test(what_others_are_at),
                                       cmocka_unit_test(a_row_that_is_held_is_left),
                                       cmocka_unit_test(how_long_it_takes)};
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "pendingscan");
}
