/* Another public suffix list while certificates are stored, written and asked for: what a question finds by
 * the list in force is always everything, also when somebody is killed on the way. */
#include "db/db_psl_move.h"

#include <sys/wait.h>

#include "base/dns.h"
#include "db/db_psl.h"
#include "tests/fixture/parttest.h"

#define LIST_OLD "com\nexample\ntest\nodd.test\n"
#define LIST_NEW "com\nexample\ntest\nx1.test\n*.x2.test\n!www.x2.test\nx7.example\n"

static char folder[64];

static const char *list_file(const char *name, const char *list)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("// ===BEGIN ICANN DOMAINS===\n", file) >= 0);
    assert_true(fputs(list, file) >= 0);
    assert_true(fputs("// ===END ICANN DOMAINS===\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Fixture names are x<N>.test and www.x<N>.test, and x<N/3>.example: with hosts below them there is something
 * to move. Names in the batch get the apex of the list that is loaded, as the parser would. */
static void put(struct storetest *test, struct store *store, struct store_range *range, uint64_t number,
                size_t count)
{
    static const char *const hosts[] = {"a.x1.test",         "b.c.x2.test", "www.x2.test", "y.odd.test",
                                        "deep.a.x7.example", "*.x1.test",   "x1.test",     "plain.com"};
    struct batch batch;
    struct err why = {0};
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test->log[range->log_id - 1], range->next, number, count);
    for (size_t i = 0; i < batch.entry_count; i++) {
        struct issuance *issuance = &batch.entries[i].issuance;
        struct name *names = arena_zeroed(&batch.arena, 3, sizeof *names);
        assert_non_null(names);
        for (size_t k = 0; k < 3; k++) {
            struct span text = span_str(hosts[(number + i / 2 + k * 3) % countof(hosts)]);
            names[k] = (struct name){.kind = NAME_DNS, .raw = text, .text = text, .apex = dns_apex(text)};
        }
        issuance->names = names;
        issuance->name_count = 3;
        issuance->subject_cn = names[0].text;
    }
    if (storetest_commit(store, range, &batch, &why) != ERR_OK)
        fail_msg("%s", why.text);
    batch_fini(&batch);
}

/* Every row is found by the key of each of its names by the list that is loaded: certificates and keys that
 * lack. */
static uint64_t unfindable(const char *dsn)
{
    PGconn *pg = PQconnectdb(dsn);
    PGresult *res =
        PQexec(pg, "SELECT c.names, c.apex8, (SELECT string_agg(a.apex8::text, ' ') FROM cert_apex AS a"
                   " WHERE a.tbs_fp = c.tbs_fp AND a.issuer = c.issuer AND a.not_after = c.not_after)"
                   " FROM cert AS c");
    uint64_t lacking = 0;
    assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
    for (int row = 0; row < PQntuples(res); row++) {
        struct span names = span_str(PQgetvalue(res, row, 0));
        struct span stored;
        char keys[2048];
        (void)snprintf(keys, sizeof keys, " %s %s ", PQgetvalue(res, row, 1), PQgetvalue(res, row, 2));
        while (dbkey_next_name(&names, &stored)) {
            struct buf text;
            char key[32];
            buf_init(&text, 4096);
            dbkey_put_text(&text, stored);
            (void)snprintf(key, sizeof key, " %" PRId64 " ", dbkey_apex8(dns_apex(buf_span(&text))));
            lacking += strstr(keys, key) == NULL;
            buf_fini(&text);
        }
    }
    PQclear(res);
    PQfinish(pg);
    return lacking;
}

static void begin_with(struct storetest *test, struct pgconn *conn)
{
    struct err why = {0};
    (void)test;
    if (db_psl_install(conn, list_file("old", LIST_OLD), &why) != ERR_OK ||
        db_psl_follow(conn, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static struct pgconn *new_database(struct storetest *test)
{
    storetest_new(test);
    struct pgconn *conn = connect_to(test->dsn);
    begin_with(test, conn);
    return conn;
}

/* Back to the list of before at once, because every row has the keys of both; and forth again. A third one
 * has to wait. */
static void back_and_forth(struct storetest *test, struct pgconn *conn, struct store *store,
                           struct store_range *range)
{
    struct db_psl_move_report report;
    enum db_psl_move_state look;
    struct err why = {0};
    assert_int_equal(db_psl_move_begin(conn, list_file("third", LIST_NEW "third\n"), &report, &why),
                     ERR_EXISTS);
    assert_non_null(strstr(why.text, "can follow from 20"));
    assert_int_equal(db_psl_move_begin(conn, list_file("old", LIST_OLD), &report, NULL), ERR_OK);
    assert_true(report.back);
    assert_int_equal(db_psl_move_look(conn, &look, NULL), ERR_OK);
    assert_int_equal(look, DB_PSL_MOVE_MOVED);
    assert_true(span_eq(dns_apex(SPAN_LIT("z.a.x1.test")), SPAN_LIT("x1.test")));
    put(test, store, range, 2500, 200);
    assert_int_equal(unfindable(test->dsn), 0);
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, NULL), ERR_OK);
    assert_true(report.back);
    assert_true(span_eq(dns_apex(SPAN_LIT("z.a.x1.test")), SPAN_LIT("a.x1.test")));
    assert_int_equal(unfindable(test->dsn), 0);
}

static void moved_as_a_whole(void **state)
{
    struct storetest test;
    struct store_range ranges[2];
    struct db_psl_move_report report;
    enum db_psl_move_state look;
    struct err why = {0};
    bool ended = true;
    (void)state;
    struct pgconn *conn = new_database(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &ranges[0]);
    storetest_take(store, 2, &ranges[1]);
    put(&test, store, &ranges[0], 0, 400);
    assert_int_equal(unfindable(test.dsn), 0);

    if (db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(report.rules, 5);
    assert_int_equal(db_psl_move_look(conn, &look, NULL), ERR_OK);
    assert_int_equal(look, DB_PSL_MOVE_MOVING);
    assert_true(span_eq(dns_apex(SPAN_LIT("z.a.x1.test")), SPAN_LIT("x1.test")));
    assert_true(span_eq(dns_apex_also(SPAN_LIT("z.a.x1.test")), SPAN_LIT("a.x1.test")));
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, NULL), ERR_EXISTS);
    /* What comes from now on has the keys of both. */
    put(&test, store, &ranges[1], 1000, 200);
    assert_int_equal(unfindable(test.dsn), 0);
    check_sql(test.dsn, "SELECT generation FROM domain_generation", 1);
    if (db_psl_move_run(conn, NULL, NULL, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(report.keys > 0);
    /* What was made of registered domains by the list of before is made anew. */
    check_sql(test.dsn, "SELECT generation FROM domain_generation", 2);
    assert_int_equal(db_psl_move_look(conn, &look, NULL), ERR_OK);
    assert_int_equal(look, DB_PSL_MOVE_MOVED);
    assert_true(span_eq(dns_apex(SPAN_LIT("z.a.x1.test")), SPAN_LIT("a.x1.test")));
    assert_int_equal(unfindable(test.dsn), 0);
    /* A program that has not looked yet asks by the list of before. */
    put(&test, store, &ranges[0], 2000, 200);
    assert_int_equal(unfindable(test.dsn), 0);
    assert_int_equal(dns_psl_load(SPAN_LIT("// ===BEGIN ICANN DOMAINS===\n" LIST_OLD), NULL), ERR_OK);
    assert_int_equal(unfindable(test.dsn), 0);
    assert_int_equal(dns_psl_load(SPAN_LIT("// ===BEGIN ICANN DOMAINS===\n" LIST_NEW), NULL), ERR_OK);
    back_and_forth(&test, conn, store, &ranges[0]);
    /* A day later it must have. */
    assert_int_equal(db_psl_move_end(conn, &ended, NULL), ERR_OK);
    assert_false(ended);
    storetest_run(test.dsn, "UPDATE psl_move SET moved_at = now() - interval '25 h'");
    assert_int_equal(db_psl_move_end(conn, &ended, NULL), ERR_OK);
    assert_true(ended);
    assert_false(dns_has_also());
    put(&test, store, &ranges[0], 3000, 200);
    assert_int_equal(unfindable(test.dsn), 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 600);
    check_sql(
        test.dsn,
        "SELECT count(*) FROM cert_apex AS a WHERE EXISTS (SELECT FROM cert AS c WHERE c.tbs_fp = a.tbs_fp"
        " AND c.issuer = a.issuer AND c.apex8 = a.apex8)",
        0);
    storetest_check(test.dsn);
    /* The same list again is nothing; the one of before comes back like any other. */
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, NULL), ERR_EXISTS);
    assert_int_equal(db_psl_move_begin(conn, list_file("old", LIST_OLD), &report, NULL), ERR_OK);
    assert_int_equal(db_psl_move_run(conn, NULL, NULL, NULL, &report, NULL), ERR_OK);
    assert_int_equal(unfindable(test.dsn), 0);
    check_sql(test.dsn, "SELECT count(*) FROM psl", 2);
    store->ops->free(store);
    pgconn_free(conn);
}

struct mover {
    struct storetest *test;
    atomic_bool stop;
    uint64_t entries;
};

static void *write_always(void *arg)
{
    struct mover *mover = arg;
    struct store_range range;
    struct store *store = storetest_open(mover->test->dsn);
    storetest_take(store, 1, &range);
    while (!atomic_load(&mover->stop)) {
        put(mover->test, store, &range, 10000 + mover->entries / 2, 100);
        mover->entries += 100;
    }
    store->ops->free(store);
    return NULL;
}

/* Rows come without a pause from a writer that was there before. */
static void moved_while_rows_come(void **state)
{
    struct storetest test;
    struct db_psl_move_report report;
    struct mover mover = {.test = &test};
    pthread_t thread;
    (void)state;
    struct pgconn *conn = new_database(&test);
    assert_int_equal(pthread_create(&thread, NULL, write_always, &mover), 0);
    for (int i = 0; i < 4; i++) {
        (void)usleep(100000);
        assert_int_equal(
            db_psl_move_begin(conn, list_file("next", i % 2 == 0 ? LIST_NEW : LIST_OLD), &report, NULL),
            ERR_OK);
        assert_int_equal(db_psl_move_run(conn, NULL, NULL, NULL, &report, NULL), ERR_OK);
        storetest_run(test.dsn, "UPDATE psl_move SET moved_at = now() - interval '25 h'");
        bool ended = false;
        if (i < 3)
            assert_int_equal(db_psl_move_end(conn, &ended, NULL), ERR_OK);
    }
    atomic_store(&mover.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(unfindable(test.dsn), 0);
    check_sql(test.dsn, "SELECT count(*) FROM cert", (int64_t)mover.entries / 2);
    storetest_check(test.dsn);
    pgconn_free(conn);
}

/* Whoever is killed is followed by somebody who goes on, also when a partition was rewritten in between. */
static void killed_on_the_way(void **state)
{
    struct storetest test;
    struct store_range range;
    struct db_psl_move_report report;
    unsigned killed = 0;
    (void)state;
    struct pgconn *conn = new_database(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    for (int i = 0; i < 10; i++)
        put(&test, store, &range, (uint64_t)i * 500, 1000);
    store->ops->free(store);
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, NULL), ERR_OK);
    for (unsigned i = 0; i < 6; i++) {
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct pgconn *mine = connect_to(test.dsn);
            enum err_code code = db_psl_move_run(mine, NULL, NULL, NULL, &report, NULL);
            _exit(code == ERR_OK ? 0 : 1);
        }
        (void)usleep(15000 + 12000 * i);
        (void)kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        killed += WIFSIGNALED(status) ? 1 : 0;
        assert_int_equal(db_psl_follow(conn, NULL), ERR_OK);
        assert_int_equal(unfindable(test.dsn), 0);
        if (i == 2)
            (void)prune(test.dsn, LATER_MS, 0);
    }
    assert_true(killed > 0);
    assert_int_equal(db_psl_move_run(conn, NULL, NULL, NULL, &report, NULL), ERR_OK);
    assert_true(span_eq(dns_apex(SPAN_LIT("z.a.x1.test")), SPAN_LIT("a.x1.test")));
    assert_int_equal(unfindable(test.dsn), 0);
    storetest_check(test.dsn);
    pgconn_free(conn);
}

/* A writer whose transaction began before does not come between. */
static void waits_for_who_is_writing(void **state)
{
    struct storetest test;
    struct db_psl_move_report report;
    struct err why = {0};
    (void)state;
    struct pgconn *conn = new_database(&test);
    PGconn *pg = PQconnectdb(test.dsn);
    PQclear(PQexec(pg, "BEGIN; SELECT FROM cert_removal FOR SHARE"));
    storetest_run(test.dsn, "ALTER ROLE ctvigil SET lock_timeout = '300ms'");
    struct pgconn *other = connect_to(test.dsn);
    assert_int_equal(db_psl_move_begin(other, list_file("new", LIST_NEW), &report, &why), ERR_DB_CONFLICT);
    storetest_run(test.dsn, "ALTER ROLE ctvigil RESET lock_timeout");
    check_sql(test.dsn, "SELECT count(*) FROM psl_move", 0);
    assert_false(dns_has_also());
    PQclear(PQexec(pg, "COMMIT"));
    PQfinish(pg);
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, NULL), ERR_OK);
    pgconn_free(other);
    pgconn_free(conn);
}

/* Rows that an import has put down are in no leaf yet, and would be missed. */
static void waits_for_an_import(void **state)
{
    struct storetest test;
    struct store_range range;
    struct db_psl_move_report report;
    struct err why = {0};
    (void)state;
    struct pgconn *conn = new_database(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    put(&test, store, &range, 0, 100);
    storetest_run(test.dsn, "DO $$ BEGIN IF to_regclass('cert_load') IS NULL THEN"
                            " CREATE TABLE cert_load (slot int8 NOT NULL, LIKE cert); END IF; END $$");
    storetest_run(test.dsn, "INSERT INTO cert_load SELECT 1, c.* FROM cert AS c LIMIT 1");
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, &why), ERR_DB_CONFLICT);
    assert_non_null(strstr(why.text, "import"));
    assert_false(dns_has_also());
    put(&test, store, &range, 1000, 100);
    storetest_run(test.dsn, "DELETE FROM cert_load");
    assert_int_equal(db_psl_move_begin(conn, list_file("new", LIST_NEW), &report, NULL), ERR_OK);
    assert_int_equal(db_psl_move_run(conn, NULL, NULL, NULL, &report, NULL), ERR_OK);
    assert_int_equal(unfindable(test.dsn), 0);
    store->ops->free(store);
    pgconn_free(conn);
}

static void what_is_no_list_is_refused(void **state)
{
    struct storetest test;
    struct db_psl_move_report report;
    struct err why = {0};
    (void)state;
    struct pgconn *conn = new_database(&test);
    assert_int_equal(db_psl_move_begin(conn, "/nonexistent/list", &report, &why), ERR_CONFIG);
    err_clear(&why);
    assert_int_equal(db_psl_move_begin(conn, list_file("empty", "// nothing\n"), &report, &why), ERR_CONFIG);
    err_clear(&why);
    assert_int_equal(db_psl_move_begin(conn, list_file("empty", "root:x:0:0:/root\ncomb\n"), &report, &why),
                     ERR_CONFIG);
    assert_non_null(strstr(why.text, "no public suffix list"));
    assert_int_equal(db_psl_move_begin(conn, list_file("latin", "b\xfcro.test\ncom\n"), &report, NULL),
                     ERR_USAGE);
    check_sql(test.dsn, "SELECT count(*) FROM psl_move", 0);
    assert_false(dns_has_also());
    assert_true(span_eq(dns_apex(SPAN_LIT("a.odd.test")), SPAN_LIT("a.odd.test")));
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_as_a_whole),    cmocka_unit_test(moved_while_rows_come),
        cmocka_unit_test(killed_on_the_way),   cmocka_unit_test(waits_for_who_is_writing),
        cmocka_unit_test(waits_for_an_import), cmocka_unit_test(what_is_no_list_is_refused),
    };
    (void)snprintf(folder, sizeof folder, "/tmp/ctv-psl-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    int failed = storetest_main(tests, countof(tests), "db_psl_move");
    static const char *const names[] = {"old", "new", "next", "empty", "latin"};
    for (size_t i = 0; i < countof(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return failed;
}
