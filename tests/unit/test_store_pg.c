/* The store's commit against a real server: exact counts, reruns, races, lost answers. */
#include "tests/fixture/storetest.h"

#include "base/thread.h"

#define KILL_US 200000 /* between two kills, at first at most */

static void first_commit_stores_everything_once(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct issuances_entry specs[600];
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (size_t i = 0; i < 600; i++)
        specs[i] = (struct issuances_entry){i / 2, i % 2 == 0 ? ISSUANCE_PRECERT : ISSUANCE_FINAL, i == 77};
    issuances_batch(&batch, &test.log[0], 0, specs, 600);
    storetest_must_commit(store, &range, &batch);
    /* A whole tile is one row on one page. */
    check_sql(test.dsn,
              "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'log_tile'::regclass", 0);
    assert_int_equal(range.next, 600);
    assert_int_equal(range.frontier.size, 600);
    /* Entry 77 is opaque; its issuance is there as a precertificate all the same. */
    check_sql(test.dsn, "SELECT count(*) FROM cert", 300);
    check_sql(test.dsn, "SELECT count(*) FROM cert_apex", 100);
    check_sql(test.dsn, "SELECT count(*) FROM cert_ip", 60);
    check_sql(test.dsn, "SELECT count(*) FROM malformed WHERE idx = 77 AND findings = '{leaf_entry_type}'",
              1);
    check_sql(test.dsn, "SELECT count(*) FROM issuer", 7);
    check_sql(test.dsn, "SELECT count(*) FROM log_tile", 3);
    check_sql(test.dsn, "SELECT last_index FROM log_tile WHERE tile = 2", 599);
    check_sql(test.dsn, "SELECT next FROM log_range WHERE log = 1", 600);
    storetest_text(test.dsn, "SELECT names FROM cert WHERE idx = 6", "test.x3 test.x3.www example.x1");
    storetest_text(
        test.dsn,
        "SELECT concat_ws(' ', cn IS NULL, (facts >> 54) & 1, not_after - not_before, first_seen, log,"
        " apex8 = ('x' || left(encode(sha256('x3.test'), 'hex'), 16))::bit(64)::int8)"
        " FROM cert WHERE idx = 6",
        "t 1 90 days 2026-09-21 14:13:20.006+00 1 t");
    storetest_text(test.dsn, "SELECT dn_text FROM issuer LIMIT 1", "CN=CA");
    storetest_text(test.dsn, "SELECT string_agg(host(ip), ' ') FROM cert_ip WHERE tbs_fp = sha256('fp 5')",
                   "192.0.2.5");
    /* The packed entry: timestamp, form, day of not_after. */
    storetest_text(
        test.dsn,
        "SELECT encode(substring(info FROM 9 * 6 + 1 FOR 9), 'hex') || ' ' || encode(substring(info FROM"
        " 9 * 77 + 1 FOR 9), 'hex') FROM log_tile WHERE tile = 0",
        "01a0c4506c0601514a 01a0c4506c4d020000");
    check_sql(test.dsn,
              "SELECT count(*) FROM cert AS c JOIN log_tile AS t ON t.fp8 @> ARRAY[('x' || "
              "left(encode(c.tbs_fp, 'hex'),"
              " 16))::bit(64)::int8]",
              300);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

static void rerun_changes_nothing(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    char before[128];
    char after[128];
    static const char sum[] =
        "SELECT md5(string_agg(t::text, ';' ORDER BY tile)) || md5((SELECT string_agg(c::text,"
        " ';' ORDER BY tbs_fp) FROM cert AS c)) || (SELECT sum(n) FROM issued) FROM log_tile AS t";
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 1000);
    storetest_must_commit(store, &range, &batch);
    assert_true(pgtest_sql(test.dsn, sum, before, sizeof before));
    storetest_run(test.dsn, "UPDATE log_range SET next = 0");
    range.next = 0;
    storetest_pairs(&batch, &test.log[0], 0, 0, 700);
    storetest_must_commit(store, &range, &batch);
    storetest_pairs(&batch, &test.log[0], 700, 350, 300);
    storetest_must_commit(store, &range, &batch);
    assert_true(pgtest_sql(test.dsn, sum, after, sizeof after));
    assert_string_equal(before, after);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

static void tiles_are_merged_from_every_side(void **state)
{
    (void)state;
    /* Parts of one tile in the order in which they come; each must end in the same row. */
    static const struct {
        const char *what;
        struct {
            unsigned begin;
            unsigned end;
        } parts[4];
    } rows[] = {
        {"append", {{10, 20}, {20, 30}, {30, 40}}},
        {"prepend", {{30, 40}, {20, 30}, {10, 20}}},
        {"overlap above", {{10, 30}, {20, 40}}},
        {"overlap below", {{20, 40}, {10, 30}}},
        {"inside", {{10, 40}, {15, 25}}},
        {"around", {{15, 25}, {10, 40}}},
        {"same", {{10, 40}, {10, 40}}},
        {"gap filled later", {{10, 15}, {30, 40}, {15, 30}}},
        {"gap filled from behind", {{30, 40}, {10, 15}, {12, 33}}},
    };
    struct storetest test;
    struct store_range range;
    struct batch batch;
    char expected[64] = "";
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (size_t i = 0; i < countof(rows); i++) {
        char got[64];
        storetest_run(test.dsn, "DELETE FROM log_tile");
        for (size_t k = 0; k < 4 && rows[i].parts[k].end != 0; k++) {
            char sql[160];
            unsigned begin = rows[i].parts[k].begin;
            (void)snprintf(sql, sizeof sql,
                           "UPDATE log_range SET range_begin = 0, verified = 0, next = %u WHERE log = 1",
                           begin);
            storetest_run(test.dsn, sql);
            range.next = begin;
            struct issuances_entry specs[64];
            for (unsigned at = begin; at < rows[i].parts[k].end; at++)
                specs[at - begin] = (struct issuances_entry){at, ISSUANCE_FINAL, false};
            issuances_batch(&batch, &test.log[0], begin, specs, rows[i].parts[k].end - begin);
            storetest_must_commit(store, &range, &batch);
            storetest_check(test.dsn);
        }
        assert_true(pgtest_sql(test.dsn, "SELECT md5(t::text) FROM log_tile AS t", got, sizeof got));
        if (i == 0)
            memcpy(expected, got, sizeof expected);
        if (strcmp(got, expected) != 0)
            fail_msg("%s: another tile", rows[i].what);
        check_sql(test.dsn, "SELECT first_index * 1000 + last_index FROM log_tile", 10039);
    }
    batch_fini(&batch);
    store->ops->free(store);
}

static void a_gap_in_a_tile_says_absent(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 4);
    storetest_must_commit(store, &range, &batch);
    storetest_run(test.dsn, "UPDATE log_range SET next = 8 WHERE log = 1");
    range.next = 8;
    storetest_pairs(&batch, &test.log[0], 8, 4, 2);
    storetest_must_commit(store, &range, &batch);
    storetest_text(test.dsn,
                   "SELECT string_agg(get_byte(info, i * 9 + 6)::text, '' ORDER BY i) FROM log_tile,"
                   " generate_series(0, 9) AS i",
                   "1010333310");
    batch_fini(&batch);
    store->ops->free(store);
}

static void same_tbs_under_another_key_is_its_own_row(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 2);
    batch.entries[1].issuance.issuer_spki_sha256[0] ^= 1;
    storetest_must_commit(store, &range, &batch);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 2);
    check_sql(test.dsn, "SELECT count(DISTINCT issuer) FROM cert", 2);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

static void two_stores_on_one_range(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range ours;
    struct store_range theirs;
    struct batch batch;
    struct err why = {0};
    size_t count;
    bool taken = true;
    storetest_new(&test);
    struct store *one = storetest_open(test.dsn);
    struct store *two = storetest_open(test.dsn);
    storetest_take(one, 1, &ours);
    assert_int_equal(two->ops->ranges(two, 1, &theirs, 1, &count, &why), ERR_OK);
    assert_int_equal(two->ops->range_take(two, &theirs, &taken, &why), ERR_OK);
    assert_false(taken);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 100);
    /* Without the lock, as a process that was asleep would: the first one wins, the other gets a conflict. */
    storetest_must_commit(two, &theirs, &batch);
    assert_int_equal(storetest_commit(one, &ours, &batch, &why), ERR_DB_CONFLICT);
    assert_int_equal(ours.next, 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 50);
    /* Whoever takes the range over makes every other handle useless, even at the same position. */
    two->ops->free(two);
    two = NULL;
    storetest_take(one, 1, &ours);
    storetest_take(one, 1, &theirs);
    assert_int_equal(theirs.epoch, ours.epoch + 1);
    storetest_pairs(&batch, &test.log[0], 100, 50, 10);
    err_clear(&why);
    assert_int_equal(storetest_commit(one, &ours, &batch, &why), ERR_DB_CONFLICT);
    storetest_must_commit(one, &theirs, &batch);
    check_sql(test.dsn, "SELECT next FROM log_range WHERE log = 1", 110);
    storetest_check(test.dsn);
    batch_fini(&batch);
    one->ops->free(one);
}

struct rematch {
    unsigned calls;
    uint64_t generation;
    bool new_issuer;
};

static enum err_code rematch(void *arg, struct batch **batches, size_t count, uint64_t generation,
                             struct err *why)
{
    struct rematch *call = arg;
    (void)why;
    call->calls++;
    call->generation = generation;
    for (size_t i = 0; i < count; i++) {
        batches[i]->watch_generation = generation;
        batches[i]->alert_count = 0;
        issuances_alert(batches[i], 0, 1, ALERT_KIND_UNEXPECTED_CA, "seen on the second look");
        if (call->new_issuer)
            batches[i]->entries[1].issuance.issuer_known = false;
    }
    return ERR_OK;
}

static void domains_added_meanwhile_are_matched(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct compact frontier;
    struct err why = {0};
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (int round = 0; round < 3; round++) {
        struct rematch call = {.new_issuer = round == 2};
        struct batch *list = &batch;
        if (round != 1)
            storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test' || random(), 'dns');"
                                    "UPDATE domain_generation SET generation = generation + 1");
        storetest_pairs(&batch, &test.log[0], range.next, range.next / 2, 20);
        batch.watch_generation = round == 1 ? 2 : 1;
        storetest_compact(&frontier, batch.end);
        struct store_settle settle = {.range = &range,
                                      .batches = &list,
                                      .count = 1,
                                      .next = batch.end,
                                      .frontier = &frontier,
                                      .rematch = rematch,
                                      .rematch_arg = &call};
        if (store->ops->commit(store, &settle, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(call.calls, round == 1 ? 0 : 1);
        assert_int_equal(call.generation, round == 0 ? 2 : round == 1 ? 0 : 3);
    }
    check_sql(test.dsn, "SELECT count(*) FROM alert", 2);
    check_sql(test.dsn, "SELECT count(*) FROM outbox", 4);
    /* What matching learned about the issuer is what is stored. */
    check_sql(test.dsn,
              "SELECT count(*) FROM cert JOIN issuer AS i ON i.id = cert.issuer"
              " WHERE i.spki_sha256 = decode(repeat('00', 32), 'hex')",
              1);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

struct writer {
    const struct storetest *test;
    int log_at;
    unsigned rounds;
    unsigned entries;
    unsigned lost; /* how often the database was away */
    struct err why;
    bool failed;
    atomic_uint commits;
};

/* Not on the test's own thread: no assertions, and the session may be killed here as well. */
static struct store *open_and_take(const char *dsn, int32_t log_id, struct store_range *range)
{
    struct store *store = NULL;
    size_t count = 0;
    bool taken = false;
    while (store == NULL)
        (void)(store_pg_open(dsn, &store, NULL) == ERR_OK);
    while (!taken) {
        if (store->ops->ranges(store, log_id, range, 1, &count, NULL) == ERR_OK && count == 1)
            (void)(store->ops->range_take(store, range, &taken, NULL) == ERR_OK);
    }
    return store;
}

/* Reads its log from the start like a process would: on conflict it loads its range again. */
static void write_log(void *arg)
{
    struct writer *writer = arg;
    struct storetest test = *writer->test;
    struct store_range range;
    struct batch batch;
    struct store *store = open_and_take(test.dsn, test.log[writer->log_at].id, &range);
    must(batch_init(&batch, STORETEST_BATCH_BYTES));
    while (range.next < (uint64_t)writer->rounds * writer->entries) {
        size_t count;
        struct err why = {0};
        storetest_pairs(&batch, &test.log[writer->log_at], range.next, range.next / 2, writer->entries);
        batch.watch_generation = 1;
        for (size_t i = 0; i < batch.entry_count; i += 50)
            issuances_alert(&batch, i, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
        enum err_code code = storetest_commit(store, &range, &batch, &why);
        if (code == ERR_DB_DOWN)
            writer->lost++;
        if (code == ERR_OK)
            (void)atomic_fetch_add(&writer->commits, 1);
        if (code == ERR_OK || code == ERR_DB_DOWN)
            continue;
        writer->why = why;
        writer->failed =
            code != ERR_DB_CONFLICT || store->ops->ranges(store, range.log_id, &range, 1, &count, &why);
        if (writer->failed)
            break;
    }
    batch_fini(&batch);
    store->ops->free(store);
}

static void two_writers_with_the_same_certificates(void **state)
{
    (void)state;
    struct storetest test;
    struct thread threads[2];
    struct writer writers[2];
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    for (int i = 0; i < 2; i++) {
        writers[i] = (struct writer){.test = &test, .log_at = i, .rounds = 20, .entries = 1000};
        assert_true(thread_start(&threads[i], "writer", write_log, &writers[i]));
    }
    for (int i = 0; i < 2; i++)
        thread_join(&threads[i]);
    for (int i = 0; i < 2; i++) {
        if (writers[i].failed || writers[i].why.code != ERR_OK)
            fail_msg("writer %d: %s", i, writers[i].why.text);
    }
    check_sql(test.dsn, "SELECT count(*) FROM cert", 10000);
    check_sql(test.dsn, "SELECT sum(cardinality(fp8)) FROM log_tile", 40000);
    check_sql(test.dsn, "SELECT count(*) FROM alert", 400);
    check_sql(test.dsn, "SELECT count(*) FROM alert_sighting", 800);
    check_sql(test.dsn, "SELECT count(*) FROM outbox", 800);
    storetest_check(test.dsn);
}

/* On a busy machine a session would never live for as long as a commit takes: while none comes through it is
 * killed less and less often. */
struct killer {
    const char *dsn;
    const atomic_uint *commits;
    atomic_bool stop;
    unsigned kills;
};

static void kill_sessions(void *arg)
{
    struct killer *killer = arg;
    char text[16];
    unsigned seed = 1;
    unsigned most_us = KILL_US;
    unsigned before = 0;
    while (!atomic_load(&killer->stop)) {
        unsigned commits = atomic_load(killer->commits);
        most_us = commits == before ? most_us + most_us / 8 : most_us - most_us / 4;
        most_us = most_us < KILL_US ? KILL_US : most_us;
        before = commits;
        unsigned left_us = (unsigned)rand_r(&seed) % most_us;
        for (; left_us > KILL_US && !atomic_load(&killer->stop); left_us -= KILL_US)
            (void)usleep(KILL_US);
        (void)usleep(left_us % KILL_US);
        if (pgtest_sql(killer->dsn,
                       "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname ="
                       " current_database() AND pid <> pg_backend_pid() AND application_name = 'ctvigil'",
                       text, sizeof text))
            killer->kills += strcmp(text, "0") != 0;
    }
}

static void sessions_killed_at_any_moment(void **state)
{
    (void)state;
    struct storetest test;
    struct thread thread;
    struct thread kill_thread;
    storetest_new(&test);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    struct writer writer = {.test = &test, .log_at = 0, .rounds = 40, .entries = 600};
    struct killer killer = {.dsn = test.dsn, .commits = &writer.commits};
    assert_true(thread_start(&kill_thread, "killer", kill_sessions, &killer));
    (void)usleep(100000);
    assert_true(thread_start(&thread, "writer", write_log, &writer));
    thread_join(&thread);
    atomic_store(&killer.stop, true);
    thread_join(&kill_thread);
    if (writer.failed)
        fail_msg("%s", writer.why.text);
    print_message("%u sessions killed, %u commits interrupted\n", killer.kills, writer.lost);
    assert_true(writer.lost > 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 12000);
    check_sql(test.dsn, "SELECT sum(cardinality(fp8)) FROM log_tile", 24000);
    check_sql(test.dsn, "SELECT count(*) FROM alert_sighting", 480);
    check_sql(test.dsn, "SELECT count(*) FROM outbox", 960);
    storetest_check(test.dsn);
}

static void server_restarts_between_commits(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (int round = 0; round < 2; round++) {
        storetest_pairs(&batch, &test.log[0], range.next, range.next / 2, 100);
        storetest_must_commit(store, &range, &batch);
        assert_true(pgtest_down(&storetest_server, round == 0 ? SIGINT : SIGQUIT));
        storetest_pairs(&batch, &test.log[0], range.next, range.next / 2, 100);
        err_clear(&why);
        assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_DOWN);
        assert_true(pgtest_up(&storetest_server));
        storetest_must_commit(store, &range, &batch);
    }
    check_sql(test.dsn, "SELECT count(*) FROM cert", 200);
    check_sql(test.dsn, "SELECT next FROM log_range WHERE log = 1", 400);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

/* A refusal says whether it is about the rows, so that the one at fault can be looked for. */
static void refused_rows_are_told_from_other_refusals(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    storetest_new(&test);
    storetest_run(test.dsn,
                  "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " IF NEW.tbs_fp = sha256('fp 3') THEN RAISE EXCEPTION 'no such certificate here'; END IF;"
                  " RETURN NEW; END $$;"
                  "CREATE TRIGGER refuse BEFORE INSERT ON cert FOR EACH ROW EXECUTE FUNCTION refuse()");
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 10);
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_DATA);
    assert_int_equal(why.code, ERR_DB_DATA);
    assert_non_null(strstr(why.text, "no such certificate here"));
    assert_int_equal(range.next, 0);
    storetest_pairs(&batch, &test.log[0], 0, 0, 6);
    storetest_must_commit(store, &range, &batch);
    /* The same commit by somebody who may not write: no row is at fault. */
    storetest_run(test.dsn, "DROP TRIGGER refuse ON cert; ALTER TABLE cert ADD CHECK (idx < 8) NOT VALID");
    storetest_pairs(&batch, &test.log[0], 6, 3, 4);
    err_clear(&why);
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_DATA);
    storetest_run(test.dsn,
                  "ALTER TABLE cert DROP CONSTRAINT cert_idx_check;"
                  "CREATE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;"
                  "CREATE TRIGGER full_up BEFORE INSERT ON cert FOR EACH ROW EXECUTE FUNCTION full_up()");
    err_clear(&why);
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB);
    /* A text that the server does not take for UTF-8: an entry's fault, nobody's usage. */
    storetest_run(test.dsn,
                  "CREATE OR REPLACE FUNCTION full_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " RAISE EXCEPTION 'invalid byte sequence' USING ERRCODE = '22021'; END $$");
    err_clear(&why);
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_DATA);
    assert_int_equal(why.code, ERR_DB_DATA);
    storetest_run(test.dsn, "DROP TRIGGER full_up ON cert");
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
    storetest_check(test.dsn);
}

/* A newer program has brought the database further while this one runs: what it would write has holes. */
static void nothing_is_written_into_a_newer_schema(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 10);
    storetest_must_commit(store, &range, &batch);
    storetest_run(test.dsn, "INSERT INTO schema_migration VALUES (9000, 'to come', sha256('x'))");
    storetest_pairs(&batch, &test.log[0], 10, 5, 10);
    assert_int_equal(storetest_commit(store, &range, &batch, &why), ERR_DB_SCHEMA);
    assert_non_null(strstr(why.text, "to step 9000"));
    storetest_run(test.dsn, "UPDATE schema_migration SET version = 0 WHERE version = 9000");
    assert_int_equal(storetest_commit(store, &range, &batch, NULL), ERR_DB_SCHEMA);
    assert_int_equal(range.next, 10);
    storetest_run(test.dsn, "DELETE FROM schema_migration WHERE version = 0");
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
    storetest_check(test.dsn);
}

/* Ends in every state a store can be in; the server has nothing to complain about. */
static void ends_without_a_warning(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct err why = {0};
    char path[128];
    char command[300];
    storetest_new(&test);
    storetest_run(test.dsn, "ALTER ROLE ctvigil SET log_min_messages = 'warning'");
    for (int round = 0; round < 3; round++) {
        struct store *store = storetest_open(test.dsn);
        if (round > 0)
            storetest_take(store, 1, &range);
        if (round == 2)
            assert_int_equal(store->ops->repair_begin(store, &range, &why), ERR_OK);
        store->ops->free(store);
    }
    storetest_run(test.dsn, "ALTER ROLE ctvigil RESET log_min_messages");
    (void)snprintf(path, sizeof path, "%s/server.log", storetest_server.dir);
    (void)snprintf(command, sizeof command, "! grep WARNING: '%s'", path);
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_commit_stores_everything_once),
        cmocka_unit_test(rerun_changes_nothing),
        cmocka_unit_test(tiles_are_merged_from_every_side),
        cmocka_unit_test(a_gap_in_a_tile_says_absent),
        cmocka_unit_test(same_tbs_under_another_key_is_its_own_row),
        cmocka_unit_test(two_stores_on_one_range),
        cmocka_unit_test(domains_added_meanwhile_are_matched),
        cmocka_unit_test(two_writers_with_the_same_certificates),
        cmocka_unit_test(sessions_killed_at_any_moment),
        cmocka_unit_test(server_restarts_between_commits),
        cmocka_unit_test(refused_rows_are_told_from_other_refusals),
        cmocka_unit_test(nothing_is_written_into_a_newer_schema),
        cmocka_unit_test(ends_without_a_warning),
    };
    return storetest_main(tests, countof(tests), "store_pg");
}
