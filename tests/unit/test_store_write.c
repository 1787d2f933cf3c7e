/* A commit whose answer is lost: a small relay between the store and the server cuts the line at chosen
 * moments; and what a writer sets its session to. */
#include "tests/fixture/storetest.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/thread.h"
#include "db/pgstore.h"

enum cut { CUT_NEVER, CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT, CUT_AND_STAY_AWAY };

struct relay {
    char dir[64];
    int listener;
    atomic_int cut;   /* what to do at the next COMMIT; CUT_NEVER afterwards */
    atomic_int cuts;  /* how often it was done */
    atomic_bool away; /* refuse everybody */
    atomic_bool stop;
};

static void address_of(struct sockaddr_un *address, const char *dir)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s/.s.PGSQL.5432", dir);
}

static bool pass(int from, int to, char *bytes, size_t cap, ssize_t *len)
{
    *len = read(from, bytes, cap);
    return *len > 0 && (to < 0 || write(to, bytes, (size_t)*len) == *len);
}

/* Serves one client until somebody hangs up or the cut comes. */
static void serve(struct relay *relay, int client, int server)
{
    static char bytes[1 << 20];
    static const char commit[] = "Q\0\0\0\013COMMIT";
    ssize_t len;
    while (!atomic_load(&relay->stop)) {
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(fds, 2, 50) <= 0)
            continue;
        if (fds[1].revents != 0 && !pass(server, client, bytes, sizeof bytes, &len))
            return;
        if (fds[0].revents == 0)
            continue;
        if (!pass(client, -1, bytes, sizeof bytes, &len))
            return;
        bool is_commit = len == (ssize_t)sizeof commit && memcmp(bytes, commit, sizeof commit) == 0;
        int cut = is_commit ? atomic_exchange(&relay->cut, CUT_NEVER) : CUT_NEVER;
        if (cut != CUT_BEFORE_COMMIT && write(server, bytes, (size_t)len) != len)
            return;
        if (cut == CUT_AND_STAY_AWAY)
            atomic_store(&relay->away, true);
        if (cut == CUT_AFTER_COMMIT || cut == CUT_AND_STAY_AWAY)
            (void)pass(server, -1, bytes, sizeof bytes, &len); /* the answer, which nobody gets */
        if (cut != CUT_NEVER) {
            atomic_fetch_add(&relay->cuts, 1);
            return;
        }
    }
}

static void run_relay(void *arg)
{
    struct relay *relay = arg;
    struct sockaddr_un address;
    address_of(&address, storetest_server.dir);
    while (!atomic_load(&relay->stop)) {
        struct pollfd fd = {.fd = relay->listener, .events = POLLIN};
        if (poll(&fd, 1, 50) <= 0)
            continue;
        int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
        int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        must(client >= 0 && server >= 0);
        if (!atomic_load(&relay->away) &&
            connect(server, (const struct sockaddr *)&address, sizeof address) == 0)
            serve(relay, client, server);
        close(client);
        close(server);
    }
}

static void relay_start(struct relay *relay, struct thread *thread)
{
    struct sockaddr_un address;
    *relay = (struct relay){.dir = "/tmp/ctvigil-relay-XXXXXX"};
    assert_non_null(mkdtemp(relay->dir));
    address_of(&address, relay->dir);
    relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(relay->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(relay->listener, 8), 0);
    assert_true(thread_start(thread, "relay", run_relay, relay));
}

static void relay_stop(struct relay *relay, struct thread *thread)
{
    struct sockaddr_un address;
    atomic_store(&relay->stop, true);
    thread_join(thread);
    close(relay->listener);
    address_of(&address, relay->dir);
    (void)unlink(address.sun_path);
    (void)rmdir(relay->dir);
}

static const char *through_relay(const struct storetest *test, const struct relay *relay, char dsn[256])
{
    (void)snprintf(dsn, 256, "host=%s %s", relay->dir, strchr(test->dsn, ' '));
    return dsn;
}

struct fixture {
    struct storetest test;
    struct relay relay;
    struct thread thread;
    struct store *store;
    struct store_range range;
    struct batch batch;
};

static void fixture_start(struct fixture *fix)
{
    char dsn[256];
    storetest_new(&fix->test);
    relay_start(&fix->relay, &fix->thread);
    fix->store = storetest_open(through_relay(&fix->test, &fix->relay, dsn));
    storetest_take(fix->store, 1, &fix->range);
    assert_true(batch_init(&fix->batch, STORETEST_BATCH_BYTES));
}

static void fixture_end(struct fixture *fix)
{
    storetest_check(fix->test.dsn);
    batch_fini(&fix->batch);
    fix->store->ops->free(fix->store);
    relay_stop(&fix->relay, &fix->thread);
}

static void answer_lost_but_stored_is_success(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    atomic_store(&fix.relay.cut, CUT_AFTER_COMMIT);
    storetest_pairs(&fix.batch, &fix.test.log[0], 0, 0, 100);
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    assert_int_equal(atomic_load(&fix.relay.cuts), 1);
    assert_int_equal(fix.range.next, 100);
    storetest_pairs(&fix.batch, &fix.test.log[0], 100, 50, 100);
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 100);
    check_sql(fix.test.dsn, "SELECT next FROM log_range WHERE log = 1", 200);
    fixture_end(&fix);
}

static void never_arrived_is_tried_again(void **state)
{
    (void)state;
    struct fixture fix;
    struct err why = {0};
    fixture_start(&fix);
    atomic_store(&fix.relay.cut, CUT_BEFORE_COMMIT);
    storetest_pairs(&fix.batch, &fix.test.log[0], 0, 0, 100);
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &why), ERR_DB_DOWN);
    assert_int_equal(fix.range.next, 0);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 0);
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 50);
    fixture_end(&fix);
}

static void stored_but_the_server_stays_away(void **state)
{
    (void)state;
    struct fixture fix;
    struct err why = {0};
    fixture_start(&fix);
    storetest_run(fix.test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    atomic_store(&fix.relay.cut, CUT_AND_STAY_AWAY);
    storetest_pairs(&fix.batch, &fix.test.log[0], 0, 0, 100);
    fix.batch.watch_generation = 1;
    issuances_alert(&fix.batch, 3, 1, ALERT_KIND_UNEXPECTED_CA, "CN=CA");
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &why), ERR_DB_DOWN);
    err_clear(&why);
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &why), ERR_DB_DOWN);
    atomic_store(&fix.relay.away, false);
    storetest_must_commit(fix.store, &fix.range, &fix.batch);
    assert_int_equal(fix.range.next, 100);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 50);
    check_sql(fix.test.dsn, "SELECT count(*) FROM outbox", 2);
    fixture_end(&fix);
}

/* The lock goes when the server notices that the connection is gone, which may be a moment later. */
static void take_when_free(struct store *store, struct store_range *range)
{
    struct err why = {0};
    size_t count = 0;
    bool taken = false;
    for (unsigned tries = 0; !taken && tries < 600; tries++) {
        assert_int_equal(store->ops->ranges(store, 1, range, 1, &count, &why), ERR_OK);
        assert_int_equal(store->ops->range_take(store, range, &taken, &why), ERR_OK);
        if (!taken)
            clock_sleep_ms(50);
    }
    assert_true(taken);
}

static void taken_over_while_in_doubt(void **state)
{
    (void)state;
    struct fixture fix;
    struct store_range theirs;
    struct err why = {0};
    fixture_start(&fix);
    atomic_store(&fix.relay.cut, CUT_AND_STAY_AWAY);
    storetest_pairs(&fix.batch, &fix.test.log[0], 0, 0, 100);
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &why), ERR_DB_DOWN);
    struct store *other = storetest_open(fix.test.dsn);
    take_when_free(other, &theirs);
    assert_int_equal(theirs.next, 100);
    atomic_store(&fix.relay.away, false);
    err_clear(&why);
    assert_int_equal(storetest_commit(fix.store, &fix.range, &fix.batch, &why), ERR_DB_CONFLICT);
    check_sql(fix.test.dsn, "SELECT count(*) FROM cert", 50);
    other->ops->free(other);
    fixture_end(&fix);
}

/* Where the server compresses its log by the old method, a writer that may say so takes the quicker one;
 * where it is told otherwise, nothing is changed. */
static void the_log_is_compressed_quickly(void **state)
{
    static const struct {
        const char *database;
        const char *expected;
    } rows[] = {{"pglz", "lz4"}, {"off", "off"}};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[160];
        struct storetest test;
        struct pgexec_args none = PGEXEC_NO_ARGS;
        PGresult *res;
        storetest_new(&test);
        (void)snprintf(sql, sizeof sql,
                       "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET wal_compression = %s',"
                       " current_database()); END $$",
                       rows[i].database);
        storetest_run(test.dsn, sql);
        struct store *store = storetest_open(test.dsn);
        assert_int_equal(pgexec_run(pgstore_of(store)->conn,
                                    "SELECT current_setting('wal_compression'), 'lz4' = ANY (enumvals)"
                                    " FROM pg_settings WHERE name = 'wal_compression'",
                                    &none, &res, NULL),
                         ERR_OK);
        bool known = pgexec_get_bool(res, 0, 1);
        assert_string_equal(pgexec_get_text(res, 0, 0), known ? rows[i].expected : rows[i].database);
        PQclear(res);
        store->ops->free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_lost_but_stored_is_success), cmocka_unit_test(never_arrived_is_tried_again),
        cmocka_unit_test(stored_but_the_server_stays_away),  cmocka_unit_test(taken_over_while_in_doubt),
        cmocka_unit_test(the_log_is_compressed_quickly),
    };
    return storetest_main(tests, countof(tests), "store_write");
}
