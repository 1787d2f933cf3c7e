/* The notifier against a real database: failing, hanging and vanishing receivers, notifiers and servers. */
#include "watcher/deliver.h"

#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/say.h"
#include "base/thread.h"
#include "db/db_alert_raise.h"
#include "db/db_outbox.h"
#include "watcher/chanrule.h"

/* A receiver that notes what it got and does as it is told. */
struct fake {
    struct channel channel;
    atomic_int sends;
    atomic_int accepted;
    atomic_int handed;     /* by another channel */
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
    if (strncmp(message->line, "nobody acknowledged: ", 21) == 0 &&
        strstr(message->json, "\"event\":\"handed_on\"") != NULL)
        atomic_fetch_add(&fake->handed, 1);
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

static const struct channel_ops fake_ops = {.send = fake_send, .free = fake_free};

static struct channel *fake_new(struct fake *fake, const char *name)
{
    *fake = (struct fake){.channel = {.ops = &fake_ops, .name = name, .send_ms_max = 1000}};
    thread_lock_init(&fake->lock);
    return &fake->channel;
}

static struct deliver *start_with(const char *dsn, struct channel **channels, size_t count,
                                  const int64_t backoff_ms[2])
{
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

static struct deliver *start(const char *dsn, struct channel **channels, size_t count)
{
    static const int64_t backoff_ms[] = {20, 30};
    return start_with(dsn, channels, count, backoff_ms);
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
    int64_t until_ms = clock_mono_ms() + 60000;
    while (pgtest_count(dsn, sql) != expected && clock_mono_ms() < until_ms)
        clock_sleep_ms(20);
    check_sql(dsn, sql, expected);
}

static void new_database(char dsn[256])
{
    assert_true(pgtest_database(&storetest_server, dsn));
}

#define OF_TESTS " AND alert IN (SELECT id FROM alert WHERE kind = 'test')"

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
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'good' AND state = 'sent'" OF_TESTS, 20);
    wait_sql(dsn,
             "SELECT count(*) FROM outbox WHERE channel = 'bad' AND state = 'dead' AND tries = 3"
             " AND last_error = 'refused'" OF_TESTS,
             20);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE state = 'notified' AND kind = 'test'", 20);
    assert_int_equal(atomic_load(&bad.sends), 60);
    /* That is an alert itself, one, and the other channel tells of it. */
    wait_sql(dsn,
             "SELECT count(*) FROM outbox AS o JOIN alert AS a ON a.id = o.alert WHERE o.state = 'sent'"
             " AND o.channel = 'good' AND a.kind = 'channel_failing' AND a.dedup LIKE 'channel_failing:bad:%'"
             " AND a.findings->0->>'found' LIKE '%given up: refused.%'",
             1);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE kind = 'channel_failing'", 1);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'bad' AND state = 'withdrawn'", 1);
    assert_int_equal(atomic_load(&good.accepted), 21);
    /* A second life, and this time it is taken; then nothing is failing any more. */
    struct pgconn *conn = NULL;
    uint64_t count = 0;
    atomic_store(&bad.fail_first, 0);
    assert_int_equal(pgconn_open(dsn, &conn, NULL), ERR_OK);
    assert_int_equal(db_outbox_retry(conn, 0, &count, NULL), ERR_OK);
    assert_int_equal(count, 20);
    pgconn_free(conn);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'" OF_TESTS, 40);
    wait_sql(dsn, "SELECT count(*) FROM alert WHERE kind = 'channel_failing' AND state = 'closed'", 1);
    check_sql(dsn, "SELECT count(*) FROM channel WHERE failing_since IS NOT NULL OR alert IS NOT NULL", 0);
    assert_true(deliver_idle(deliver, 5000));
    deliver_stop(deliver);
}

/* Rules, hours and digests of a channel. */
static struct chanrule *rule_of(const char *severity, const char *quiet, const char *digest,
                                int64_t escalate_min)
{
    struct chanconf conf = {.severity = (char[9]){""},
                            .kinds = (char[1]){""},
                            .domains = (char[1]){""},
                            .tags = (char[1]){""},
                            .time_zone = (char[4]){"UTC"},
                            .escalate_min = escalate_min,
                            .escalate_to = (char[6]){"pager"}};
    char hours[2][16];
    struct chanrule *rule = NULL;
    struct err why = {0};
    (void)snprintf(conf.severity, 9, "%s", severity);
    (void)snprintf(hours[0], sizeof hours[0], "%s", quiet);
    (void)snprintf(hours[1], sizeof hours[1], "%s", digest);
    conf.quiet = hours[0];
    conf.digest = hours[1];
    if (chanrule_new(&conf, &rule, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return rule;
}

static void raise_kind(const char *dsn, const char *kind, const char *severity, int count)
{
    static unsigned number;
    for (int i = 0; i < count; i++) {
        char sql[600];
        (void)snprintf(
            sql, sizeof sql,
            "WITH a AS (INSERT INTO alert (kind, severity, dedup, findings, first_seen) VALUES ('%s',"
            " '%s', 'raised:%u', '[]', now()) RETURNING id)"
            " INSERT INTO outbox (alert, channel) SELECT a.id, c.name FROM a, channel AS c",
            kind, severity, ++number);
        storetest_run(dsn, sql);
    }
}

static void what_a_channel_does_not_want(void **state)
{
    char dsn[256];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "choosy")};
    (void)state;
    new_database(dsn);
    fake.channel.rule = rule_of("high", "", "", 0);
    struct deliver *deliver = start(dsn, channels, 1);
    raise_kind(dsn, "over_long_validity", "low", 3);
    raise_kind(dsn, "unexpected_ca", "high", 2);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'filtered' AND tries = 0", 3);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 2);
    check_sql(dsn, "SELECT count(*) FROM alert WHERE state = 'new'", 3);
    deliver_stop(deliver);
    assert_int_equal(atomic_load(&fake.accepted), 2);
}

/* Whatever the hour is now. */
static void quiet_hours_hold_back_but_for_what_is_critical(void **state)
{
    char dsn[256];
    char quiet[16];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "asleep")};
    int64_t hour = clock_wall_ms() / 3600000 % 24;
    (void)state;
    new_database(dsn);
    (void)snprintf(quiet, sizeof quiet, "%02d:00-%02d:00", (int)(hour + 22) % 24, (int)(hour + 3) % 24);
    fake.channel.rule = rule_of("info", quiet, "", 0);
    struct deliver *deliver = start(dsn, channels, 1);
    raise_kind(dsn, "unexpected_ca", "high", 2);
    raise_kind(dsn, "log_inconsistent", "critical", 1);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 1);
    wait_sql(dsn,
             "SELECT count(*) FROM outbox WHERE state = 'pending' AND held = key AND tries = 0"
             " AND next_try_at BETWEEN now() + interval '1 hour' AND now() + interval '3 hours'",
             2);
    assert_true(deliver_idle(deliver, 5000));
    deliver_stop(deliver);
    assert_int_equal(atomic_load(&fake.accepted), 1);
    /* Nobody was told yet. */
    check_sql(dsn, "SELECT count(*) FROM alert AS a WHERE alert_told(a)", 1);
}

static enum err_code fake_digest(struct channel *channel, const struct channel_digest *digest,
                                 struct err *why)
{
    struct fake *fake = (struct fake *)channel;
    (void)why;
    atomic_fetch_add(&fake->sends, 1);
    atomic_fetch_add(&fake->accepted, (int)digest->count);
    assert_int_equal(strlen(digest->key), 32);
    assert_non_null(strstr(digest->alerts[0].line, "unexpected_ca"));
    return ERR_OK;
}

static void a_digest_is_one_message(void **state)
{
    static const struct channel_ops ops = {.send = fake_send, .free = fake_free, .send_digest = fake_digest};
    char dsn[256];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "gathers")};
    (void)state;
    new_database(dsn);
    fake.channel.ops = &ops;
    fake.channel.rule = rule_of("info", "", "1440m", 0);
    struct deliver *deliver = start(dsn, channels, 1);
    raise_kind(dsn, "unexpected_ca", "high", 7);
    wait_sql(dsn,
             "SELECT count(*) FROM outbox WHERE state = 'pending' AND held = key AND next_try_at > now()", 7);
    assert_int_equal(atomic_load(&fake.sends), 0);
    /* Its hour has come. */
    storetest_run(dsn, "UPDATE outbox SET next_try_at = now()");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 7);
    raise_kind(dsn, "log_inconsistent", "critical", 1);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 8);
    deliver_stop(deliver);
    assert_int_equal(atomic_load(&fake.sends), 2);
    assert_int_equal(atomic_load(&fake.accepted), 8);
}

#define DIGESTS 16

/* What came: which alerts, and the key. */
static struct {
    char ids[64];
    char key[65];
} digests[DIGESTS];

static enum err_code refused_digest(struct channel *channel, const struct channel_digest *digest,
                                    struct err *why)
{
    struct fake *fake = (struct fake *)channel;
    int at = atomic_fetch_add(&fake->sends, 1);
    size_t len = 0;
    assert_true(at < DIGESTS);
    for (size_t i = 0; i < digest->count; i++)
        len += (size_t)snprintf(digests[at].ids + len, sizeof digests[at].ids - len, "%" PRId64 " ",
                                digest->alerts[i].id);
    (void)snprintf(digests[at].key, sizeof digests[at].key, "%s", digest->key);
    return at < 2 ? err_set(why, ERR_SYSTEM, "refused") : ERR_OK;
}

/* Whoever drops what has a key that he knows must not drop an alert that he has not seen. Here all three come
 * twice, and then one alone. */
static void the_key_of_a_digest_is_that_of_its_alerts(void **state)
{
    static const struct channel_ops ops = {
        .send = fake_send, .free = fake_free, .send_digest = refused_digest};
    static const int64_t not_by_itself_ms[] = {3600000, 3600000};
    char dsn[256];
    struct fake fake;
    struct channel *channels[] = {fake_new(&fake, "gathers")};
    int same = 0;
    int more = 0;
    (void)state;
    new_database(dsn);
    fake.channel.ops = &ops;
    fake.channel.rule = rule_of("info", "", "1440m", 0);
    struct deliver *deliver = start_with(dsn, channels, 1, not_by_itself_ms);
    raise_kind(dsn, "unexpected_ca", "high", 3);
    wait_sql(dsn,
             "SELECT count(*) FROM outbox WHERE state = 'pending' AND held = key AND next_try_at > now()", 3);
    storetest_run(dsn, "UPDATE outbox SET next_try_at = now()");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending' AND tries = 1", 3);
    storetest_run(dsn, "UPDATE outbox SET next_try_at = now()");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending' AND tries = 2", 3);
    storetest_run(dsn, "UPDATE outbox SET next_try_at = now() WHERE alert = (SELECT min(alert) FROM outbox)");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 1);
    storetest_run(dsn, "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 3);
    deliver_stop(deliver);
    for (int i = 0; i < atomic_load(&fake.sends); i++)
        for (int k = 0; k < i; k++) {
            bool alerts = strcmp(digests[i].ids, digests[k].ids) == 0;
            size_t len = strlen(digests[i].ids);
            assert_int_equal(alerts, strcmp(digests[i].key, digests[k].key) == 0);
            same += alerts;
            more += !alerts && strncmp(digests[i].ids, digests[k].ids, len) == 0;
        }
    assert_true(same != 0 && more != 0);
}

static void what_nobody_acknowledges_is_handed_on(void **state)
{
    char dsn[256];
    struct fake first;
    struct fake pager;
    struct channel *channels[] = {fake_new(&first, "first"), fake_new(&pager, "pager")};
    (void)state;
    new_database(dsn);
    first.channel.rule = rule_of("info", "", "", 60);
    pager.channel.rule = rule_of("critical", "", "", 0);
    pager.channel.rule->escalated_only = true;
    struct deliver *deliver = start(dsn, channels, 2);
    raise_kind(dsn, "unexpected_ca", "high", 3);
    wait_sql(dsn,
             "SELECT count(*) FROM outbox WHERE channel = 'first' AND state = 'sent' AND escalate_at > now()",
             3);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'pager' AND state = 'filtered'", 3);
    storetest_run(dsn, "UPDATE alert SET state = 'acked' WHERE id = 1");
    storetest_run(dsn, "UPDATE outbox SET escalate_at = now() WHERE escalate_at IS NOT NULL");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE channel = 'pager' AND state = 'sent' AND handed = key",
             2);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE escalate_at IS NOT NULL", 0);
    assert_true(deliver_idle(deliver, 5000));
    deliver_stop(deliver);
    assert_int_equal(atomic_load(&pager.accepted), 2);
    assert_int_equal(atomic_load(&pager.handed), 2);
    assert_int_equal(atomic_load(&first.handed), 0);
    assert_int_equal(atomic_load(&first.accepted), 3);
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
    assert_int_equal(db_outbox_claim(conn, "fake", 3600000, &item, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    struct deliver *deliver = start(dsn, channels, 1);
    /* What comes later is sent, and that is not. */
    raise_tests(dsn, 1);
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 1);
    assert_int_equal(atomic_load(&fake.sends), 1);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 1);
    storetest_run(dsn, "UPDATE outbox SET next_try_at = now() WHERE state = 'pending'");
    wait_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent'", 2);
    assert_string_equal(fake.key, item.key);
    assert_int_equal(db_outbox_failed(conn, &item, "late", 1, true, NULL), ERR_OK);
    check_sql(dsn, "SELECT count(*) FROM outbox WHERE state = 'sent' AND last_error = ''", 2);
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
    assert_true(clock_mono_ms() - begin_ms < 30000);
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
        cmocka_unit_test(what_a_channel_does_not_want),
        cmocka_unit_test(quiet_hours_hold_back_but_for_what_is_critical),
        cmocka_unit_test(a_digest_is_one_message),
        cmocka_unit_test(the_key_of_a_digest_is_that_of_its_alerts),
        cmocka_unit_test(what_nobody_acknowledges_is_handed_on),
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
