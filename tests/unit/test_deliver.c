/* The notifier against a real database: failing, hanging and vanishing receivers, notifiers and servers. */
#include "watcher/deliver.h"

#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/say.h"
#include "base/thread.h"
#include "db/db_alert_raise.h"
#include "db/db_outbox.h"

/* A receiver that notes what it got and does as it is told. */
struct fake {
    struct channel channel;
    atomic_int sends;
    atomic_int accepted;
    atomic_int fail_first; /* so many sends are refused; negative: all */
    atomic_bool hang;
    struct lock lock;
    char key[64];
    atomic_int key_changed; /* a try of the same alert with another key */
};

static enum err_code fake_send(struct channel *channel, const struct channel_message *message,
                               struct err *why)
{
    struct fake *fake = (struct fake *)channel;
    atomic_fetch_add(&fake->sends, 1);
    thread_lock(&fake->lock);
    if (fake->key[0] != '\0' && strcmp(fake->key, message->key) != 0)
        atomic_fetch_add(&fake->key_changed, 1);
    (void)snprintf(fake->key, sizeof fake->key, "%s", message->key);
    thread_unlock(&fake->lock);
    while (atomic_load(&fake->hang) && !atomic_load(channel->stop))
        clock_sleep_ms(5);
    if (atomic_load(&fake->hang))
        return err_set(why, ERR_TIMEOUT, "stopped");
    int left = atomic_load(&fake->fail_first);
    if (left != 0) {
        atomic_store(&fake->fail_first, left < 0 ? left : left - 1);
        return err_set(why, ERR_SYSTEM, "refused");
    }
    atomic_fetch_add(&fake->accepted, 1);
    return ERR_OK;
}

static void fake_free(struct channel *channel)
{
    (void)channel;
}

static const struct channel_ops fake_ops = {fake_send, fake_free};

static struct channel *fake_new(struct fake *fake, const char *name)
{
    *fake = (struct fake){.channel = {&fake_ops, name, 1000, NULL}};
    thread_lock_init(&fake->lock);
    return &fake->channel;
}

static struct deliver *start(const char *dsn, struct channel **channels, size_t count)
{
    static const int64_t backoff_ms[] = {20, 30};
    struct deliver_options options = {.dsn = dsn,
                                      .channels = channels,
                                      .channel_count = count,
                                      .poll_ms = 10,
                                      .backoff_ms = backoff_ms,
                                      .backoff_count = 2,
                                      .tries_max = 3};
    struct deliver *deliver = NULL;
    struct err why = {0};
    if (deliver_start(&options, &deliver, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return deliver;
}

static void raise_tests(const char *dsn, size_t count)
{
    static unsigned number;
    struct pgconn *conn = NULL;
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        struct alert alert = {.finding_count = 1};
        char dedup[32];
        bool raised = false;
        alert.findings[0] =
            (struct alert_finding){ALERT_KIND_TEST, ALERT_INFO, "test", SPAN_LIT("a"), SPAN_LIT("b")};
        (void)snprintf(dedup, sizeof dedup, "test:%u", ++number);
        assert_int_equal(db_alert_raise(conn, &alert, NULL, 0, dedup, NULL, &raised, NULL), ERR_OK);
        assert_true(raised);
    }
    pgconn_free(conn);
}

/* Polls until the count is what it should become. */
static void wait_sql(const char *dsn, const char *sql, int64_t expected)
{
    int64_t until_ms = clock_mono_ms() + 20000;
    while (pgtest_count(dsn, sql) != expected && clock_mono_ms() < until_ms)
        clock_sleep_ms(20);
    check_sql(dsn, sql, expected);
}

static void new_database(char dsn[256])
{
    assert_true(pgtest_database(&storetest_server, dsn));
}

static void a_failing_channel_stops_nobody(void **state)
{
    char dsn[256];
    struct fake good;
    struct fake bad;
    struct channel *channels[] = {fake_new(&good, "good"), fake_new(&bad, "bad")};
    (void)state;
    new_database(dsn);
    atomic_store(&bad.fail_first, -1);
    struct deliver *deliver = start(dsn, channels, 2);
    raise_tests(dsn, 20);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'good' AND state = 'sent'", 20);
    wait_sql(dsn,
             "SELECT count(*) FROM outbox WHERE channel = 'bad' AND state = 'dead' AND tries = 3"
             " AND last_error = 'refused'",
             20);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE state = 'notified'", 20);
    assert_int_equal(atomic_load(&good.accepted), 20);
    assert_int_equal(atomic_load(&bad.sends), 60);
    /* A second life, and this time it is taken. */
    struct pgconn *conn = NULL;
    uint64_t count = 0;
    atomic_store(&bad.fail_first, 0);
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_retry(conn, 0, &count, NULL), ERR_OK);
    assert_int_equal(count, 20);
    pgconn_free(conn);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 40);
    assert_true(deliver_idle(deliver, 5000));
    deliver_stop(deliver);
}

static void every_try_has_the_same_key(void **state)
{
    char dsn[256];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "fake")};
    (void)state;
    new_database(dsn);
    atomic_store(&fake.fail_first, 2);
    struct deliver *deliver = start(dsn, channels, 1);
    raise_tests(dsn, 1);
    wait_sql(dsn, "SELECT tries FROM outbox WHERE state = 'sent'", 3);
    assert_int_equal(atomic_load(&fake.key_changed), 0);
    deliver_stop(deliver);
}

/* Several processes: each alert is taken by one of them. */
static void notifiers_share_the_work(void **state)
{
    enum { NOTIFIERS = 4, ALERTS = 200 };
    char dsn[256];
    struct fake fake[NOTIFIERS];
    struct channel *channel[NOTIFIERS];
    struct deliver *deliver[NOTIFIERS];
    int accepted = 0;
    (void)state;
    new_database(dsn);
    for (size_t i = 0; i < NOTIFIERS; i++) {
        channel[i] = fake_new(&fake[i], "shared");
        deliver[i] = start(dsn, &channel[i], 1);
    }
    raise_tests(dsn, ALERTS);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent' AND tries = 1", ALERTS);
    for (size_t i = 0; i < NOTIFIERS; i++) {
        deliver_stop(deliver[i]);
        accepted += atomic_load(&fake[i].accepted);
    }
    assert_int_equal(accepted, ALERTS);
}

/* Alerts that came before anybody was there to be told are not forgotten. */
static void alerts_before_channels(void **state)
{
    char dsn[256];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "late")};
    (void)state;
    new_database(dsn);
    raise_tests(dsn, 3);
    check_sql(dsn, "SELECT count(*) FROM outbox", 0);
    struct deliver *deliver = start(dsn, channels, 1);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 3);
    deliver_stop(deliver);
}

/* Whoever dies with a claim loses it after the lease; what it says afterwards changes nothing. */
static void a_lease_runs_out(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    struct db_outbox_item item;
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "fake")};
    size_t count = 0;
    (void)state;
    new_database(dsn);
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "fake", NULL), ERR_OK);
    raise_tests(dsn, 1);
    assert_int_equal(db_outbox_claim(conn, "fake", 300, &item, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    struct deliver *deliver = start(dsn, channels, 1);
    clock_sleep_ms(100);
    assert_int_equal(atomic_load(&fake.sends), 0);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 1);
    assert_string_equal(fake.key, item.key);
    assert_int_equal(db_outbox_failed(conn, &item, "late", 1, true, NULL), ERR_OK);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent' AND last_error = ''", 1);
    deliver_stop(deliver);
    pgconn_free(conn);
}

static void a_hanging_send_does_not_hold_the_end(void **state)
{
    char dsn[256];
    struct fake hung;
    struct fake good;
    struct channel *channels[] = {fake_new(&hung, "hung"), fake_new(&good, "good")};
    (void)state;
    new_database(dsn);
    atomic_store(&hung.hang, true);
    struct deliver *deliver = start(dsn, channels, 2);
    raise_tests(dsn, 5);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'good' AND state = 'sent'", 5);
    assert_false(deliver_idle(deliver, 100));
    int64_t begin_ms = clock_mono_ms();
    deliver_stop(deliver);
    assert_true(clock_mono_ms() - begin_ms < 3000);
    /* Cut off by us is not a failure of the receiver. */
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'hung' AND state = 'pending' AND tries = 0",
              5);
}

static void the_server_restarts(void **state)
{
    char dsn[256];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "fake")};
    (void)state;
    new_database(dsn);
    struct deliver *deliver = start(dsn, channels, 1);
    raise_tests(dsn, 2);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 2);
    assert_true(pgtest_down(&storetest_server, SIGQUIT));
    clock_sleep_ms(200);
    assert_true(pgtest_up(&storetest_server));
    raise_tests(dsn, 2);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 4);
    deliver_stop(deliver);
}

/* A test alert goes out alone and leaves the others where they are. */
static void one_alert_out_of_turn(void **state)
{
    char dsn[256];
    struct pgconn *conn = NULL;
    struct fake fake;
    struct channel *channel = fake_new(&fake, "fake");
    enum deliver_outcome outcome;
    struct err failure = {0};
    (void)state;
    new_database(dsn);
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "fake", NULL), ERR_OK);
    raise_tests(dsn, 3);
    int64_t id = pgtest_count(dsn, "SELECT max(id) FROM alert");
    assert_int_equal(deliver_one(conn, channel, id, &outcome, &failure, NULL), ERR_OK);
    assert_int_equal(outcome, DELIVER_SENT);
    assert_int_equal(deliver_one(conn, channel, id, &outcome, &failure, NULL), ERR_OK);
    assert_int_equal(outcome, DELIVER_ELSEWHERE);
    atomic_store(&fake.fail_first, 1);
    assert_int_equal(deliver_one(conn, channel, id - 1, &outcome, &failure, NULL), ERR_OK);
    assert_int_equal(outcome, DELIVER_REFUSED);
    assert_string_equal(failure.text, "refused");
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending' AND tries = 0", 1);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_channel_stops_nobody),
        cmocka_unit_test(every_try_has_the_same_key),
        cmocka_unit_test(notifiers_share_the_work),
        cmocka_unit_test(alerts_before_channels),
        cmocka_unit_test(a_lease_runs_out),
        cmocka_unit_test(a_hanging_send_does_not_hold_the_end),
        cmocka_unit_test(the_server_restarts),
        cmocka_unit_test(one_alert_out_of_turn),
    };
    say_setup(SAY_ERROR, false);
    return storetest_main(tests, countof(tests), "deliver");
}
