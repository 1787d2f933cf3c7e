/* Alerts and their deliveries, with several claimers, lost leases, acknowledgements. */
#include "tests/fixture_db.h"

#include "base/text.h"
#include "db/db_alert.h"
#include "db/db_outbox.h"
#include "db/pgexec.h"

static struct fixture_db fixture;
static struct pgconn *conn;

static void sql(const char *text)
{
    struct err why = {0};
    if (pgexec_script(conn, text, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static int64_t number(const char *text)
{
    PGresult *res;
    struct err why = {0};
    if (pgexec_run(conn, text, &PGEXEC_NO_ARGS, &res, &why) != ERR_OK)
        fail_msg("%s", why.text);
    int64_t value = pgexec_get_int(res, 0, 0);
    PQclear(res);
    return value;
}

/* Alerts 1..n of rising age; every third about a log. */
static void alerts(int count)
{
    char text[1024];
    sql("TRUNCATE alert, outbox, alert_sighting, channel, domain RESTART IDENTITY CASCADE");
    (void)snprintf(
        text, sizeof text,
        "INSERT INTO domain (name, kind, channels) VALUES ('example.com', 'dns', '{}'), ('b.test', 'dns', "
        "'{hook}');"
        "INSERT INTO alert (domain, domain_name, log, kind, severity, name, tbs_fp, dedup, findings, "
        "issuance,"
        " first_seen) SELECT CASE WHEN n %% 3 = 0 THEN NULL ELSE 1 + n %% 2 END,"
        " CASE WHEN n %% 3 = 0 THEN NULL ELSE (ARRAY['example.com', 'b.test'])[1 + n %% 2] END,"
        " CASE WHEN n %% 3 = 0 THEN 1 END, 'unexpected_ca',"
        " (ARRAY['info', 'low', 'high', 'critical'])[1 + n %% 4], 'www.example.com',"
        " CASE WHEN n %% 3 <> 0 THEN sha256(n::text::bytea) END, CASE WHEN n %% 3 = 0 THEN 'd' || n END,"
        " '[{\"kind\": \"unexpected_ca\"}]', '{}', now() FROM generate_series(1, %d) AS n ORDER BY n",
        count);
    sql(text);
}

struct list {
    int64_t ids[64];
    size_t count;
    size_t sightings;
    size_t verified;
    size_t deliveries;
    bool entry;
};

static enum err_code collect(void *arg, const struct db_alert_row *row, struct err *why)
{
    struct list *list = arg;
    (void)why;
    list->ids[list->count++] = row->id;
    list->sightings += row->sighting_count;
    for (size_t i = 0; i < row->sighting_count; i++)
        list->verified += row->sightings[i].verified;
    list->deliveries += row->delivery_count;
    list->entry = row->has_entry;
    if (row->has_entry) {
        char hash[65];
        assert_true(span_eq(row->leaf, SPAN_LIT("leaf")) && span_eq(row->extra, SPAN_LIT("more")));
        assert_string_equal(text_hex(span_of(row->leaf_hash, 32), hash),
                            "0d27e27f7827ccd745199e8eb3a6af368e1064af42ae9f83740e98121e2bc025");
    }
    assert_int_equal(row->domain == NULL, row->id % 3 == 0);
    assert_int_equal(row->log == NULL, row->id % 3 != 0);
    assert_int_equal(row->has_fp, row->id % 3 != 0);
    assert_non_null(strstr(row->findings, "unexpected_ca"));
    return ERR_OK;
}

static void listed_by_filter(void **state)
{
    (void)state;
    static const struct {
        struct db_alert_filter filter;
        const char *ids;
    } rows[] = {
        {{.limit = 100}, "12 11 10 9 8 7 6 5 4 3 2 1"},
        {{.limit = 3}, "12 11 10"},
        {{.limit = 3, .after = 10}, "9 8 7"},
        {{.limit = 100, .domain = "b.test"}, "11 7 5 1"},
        {{.limit = 100, .domain = "' OR 1 = 1 --"}, ""},
        {{.limit = 100, .severity = "high"}, "11 10 7 6 3 2"},
        {{.limit = 100, .severity = "critical"}, "11 7 3"},
        {{.limit = 100, .state = "acked"}, "4"},
        {{.limit = 100, .since_ms = INT64_C(4102444800000)}, ""},
    };
    alerts(12);
    assert_int_equal(db_alert_ack(conn, 4, "known", NULL), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        struct list list = {0};
        int64_t next;
        char text[128] = "";
        size_t len = 0;
        assert_int_equal(db_alert_list(conn, &rows[i].filter, collect, &list, &next, NULL), ERR_OK);
        for (size_t k = 0; k < list.count; k++)
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%s%d", k == 0 ? "" : " ", (int)list.ids[k]);
        assert_string_equal(text, rows[i].ids);
        assert_int_equal(next != 0, rows[i].filter.limit == 3);
        if (next != 0)
            assert_int_equal(next, list.ids[list.count - 1]);
    }
}

static void shown_with_evidence(void **state)
{
    (void)state;
    struct list list = {0};
    alerts(3);
    sql("UPDATE log_range SET verified = 10, next = 20");
    sql("INSERT INTO alert_sighting VALUES (2, 1, 9, 'precert', now()), (2, 1, 10, 'final', now());"
        "INSERT INTO outbox (alert, channel) VALUES (2, 'hook'), (2, 'stdout')");
    assert_int_equal(db_alert_show(conn, 2, collect, &list, NULL), ERR_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.sightings, 2);
    assert_int_equal(list.verified, 1);
    assert_int_equal(list.deliveries, 2);
    /* The bytes of what could not be parsed come with it. */
    sql("INSERT INTO malformed VALUES (1, 9, now(), '{}', 'leaf', 'more');"
        "INSERT INTO alert_sighting VALUES (3, 1, 9, 'unparsed', now()); UPDATE alert SET tbs_fp = NULL "
        "WHERE id = 3");
    assert_int_equal(db_alert_show(conn, 3, collect, &list, NULL), ERR_OK);
    assert_true(list.entry);
    assert_int_equal(db_alert_show(conn, 99, collect, &list, NULL), ERR_NOT_FOUND);
    assert_int_equal(db_alert_ack(conn, 99, "", NULL), ERR_NOT_FOUND);
    assert_int_equal(db_alert_ack(conn, 2, "it was us", NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'withdrawn'"), 2);
    /* Once more without a word takes no word away; another one takes its place. */
    assert_int_equal(db_alert_ack(conn, 2, "", NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE id = 2 AND reason = 'it was us'"), 1);
    assert_int_equal(db_alert_ack(conn, 2, "or not", NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE id = 2 AND reason = 'or not'"), 1);
}

static void adopted_when_a_channel_comes(void **state)
{
    (void)state;
    uint64_t adopted;
    alerts(6);
    assert_int_equal(db_outbox_adopt(conn, &adopted, NULL), ERR_OK);
    assert_int_equal(adopted, 0);
    assert_int_equal(db_outbox_channel(conn, "stdout", NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "stdout", NULL), ERR_OK);
    assert_int_equal(db_outbox_adopt(conn, &adopted, NULL), ERR_OK);
    /* 1 and 5 belong to b.test, which wants the hook alone. */
    assert_int_equal(adopted, 4);
    assert_int_equal(db_outbox_adopt(conn, &adopted, NULL), ERR_OK);
    assert_int_equal(adopted, 0);
    assert_int_equal(db_outbox_channel_disable(conn, "stdout", NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM channel WHERE enabled"), 0);
    assert_int_equal(db_outbox_channel(conn, "", NULL), ERR_CONFIG);
}

/* Who comes late gets what nobody was told of; the rest when somebody asks for it. */
static void a_channel_that_comes_late(void **state)
{
    (void)state;
    uint64_t count;
    bool known = true;
    alerts(6);
    assert_int_equal(db_outbox_known(conn, "hook", &known, NULL), ERR_OK);
    assert_false(known);
    assert_int_equal(db_outbox_channel(conn, "stdout", NULL), ERR_OK);
    assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 4);
    assert_int_equal(db_outbox_channel(conn, "hook", NULL), ERR_OK);
    assert_int_equal(db_outbox_known(conn, "hook", &known, NULL), ERR_OK);
    assert_true(known);
    assert_int_equal(db_outbox_adopt(conn, &count, NULL), ERR_OK);
    assert_int_equal(count, 2); /* 1 and 5, which only the hook may have */
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE channel = 'hook'"), 2);
    assert_int_equal(db_outbox_retry(conn, 0, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(db_outbox_retry(conn, 2, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE channel = 'hook' AND alert = 2"), 1);
    assert_int_equal(db_outbox_retry(conn, 2, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    /* Not to a channel that its domain does not allow, and not what was answered. */
    assert_int_equal(db_outbox_retry(conn, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(db_alert_ack(conn, 4, "known", NULL), ERR_OK);
    assert_int_equal(db_outbox_retry(conn, 4, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
}

static void claimed_by_one_only(void **state)
{
    (void)state;
    struct pgconn *other;
    struct db_outbox_item mine[4];
    struct db_outbox_item theirs[10];
    size_t mine_count;
    size_t their_count;
    uint64_t adopted;
    int64_t wait_ms;
    alerts(10);
    assert_int_equal(pgconn_open(fixture.db.dsn, &other, NULL), ERR_OK);
    assert_int_equal(db_outbox_channel(conn, "stdout", NULL), ERR_OK);
    sql("UPDATE domain SET channels = '{}'");
    assert_int_equal(db_outbox_adopt(conn, &adopted, NULL), ERR_OK);
    assert_int_equal(adopted, 10);
    assert_int_equal(db_outbox_due_in(conn, "stdout", &wait_ms, NULL), ERR_OK);
    assert_int_equal(wait_ms, 0);
    /* While the first claim is not committed, the second passes over its rows. */
    sql("BEGIN");
    assert_int_equal(db_outbox_claim(conn, "stdout", 60000, mine, 4, &mine_count, NULL), ERR_OK);
    assert_int_equal(db_outbox_claim(other, "stdout", 60000, theirs, 10, &their_count, NULL), ERR_OK);
    sql("COMMIT");
    assert_int_equal(mine_count, 4);
    assert_int_equal(their_count, 6);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(strlen(mine[i].key), 36);
        assert_true(i == 0 || mine[i].alert > mine[i - 1].alert);
        for (size_t k = 0; k < 6; k++)
            assert_int_not_equal(mine[i].id, theirs[k].id);
    }
    assert_int_equal(db_outbox_claim(conn, "stdout", 60000, mine + 1, 1, &mine_count, NULL), ERR_OK);
    assert_int_equal(mine_count, 0);
    assert_int_equal(db_outbox_due_in(conn, "stdout", &wait_ms, NULL), ERR_OK);
    assert_true(wait_ms > 50000 && wait_ms <= 60000);
    assert_int_equal(db_outbox_due_in(conn, "hook", &wait_ms, NULL), ERR_OK);
    assert_true(wait_ms < 0);
    pgconn_free(other);
}

static void one_alert_one_row(struct db_outbox_item *item, int64_t lease_ms)
{
    size_t count;
    uint64_t adopted;
    alerts(1);
    sql("UPDATE domain SET channels = '{}'");
    assert_int_equal(db_outbox_channel(conn, "hook", NULL), ERR_OK);
    assert_int_equal(db_outbox_adopt(conn, &adopted, NULL), ERR_OK);
    assert_int_equal(db_outbox_claim(conn, "hook", lease_ms, item, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
}

static void sent_and_notified(void **state)
{
    (void)state;
    struct db_outbox_item item;
    one_alert_one_row(&item, 60000);
    assert_int_equal(item.tries, 0);
    assert_int_equal(db_outbox_sent(conn, &item, NULL), ERR_OK);
    assert_int_equal(
        number("SELECT count(*) FROM outbox WHERE state = 'sent' AND tries = 1 AND sent_at IS NOT NULL"), 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE state = 'notified'"), 1);
    /* Told twice changes nothing. */
    assert_int_equal(db_outbox_failed(conn, &item, "late", 1, true, NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'sent'"), 1);
}

static void failed_tried_again_and_dead(void **state)
{
    (void)state;
    struct db_outbox_item item;
    struct db_outbox_item again;
    size_t count;
    uint64_t revived;
    one_alert_one_row(&item, 60000);
    assert_int_equal(db_outbox_failed(conn, &item, "exit status 1", 0, false, NULL), ERR_OK);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &again, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(again.tries, 1);
    assert_string_equal(again.key, item.key);
    assert_int_equal(db_outbox_failed(conn, &again, "exit status 2", 0, true, NULL), ERR_OK);
    assert_int_equal(
        number("SELECT count(*) FROM outbox WHERE state = 'dead' AND last_error = 'exit status 2'"), 1);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &again, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(db_outbox_retry(conn, 77, &revived, NULL), ERR_OK);
    assert_int_equal(revived, 0);
    assert_int_equal(db_outbox_retry(conn, 0, &revived, NULL), ERR_OK);
    assert_int_equal(revived, 1);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &again, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(again.tries, 0);
}

/* Who ends orderly gives back what was not sent. */
static void released_is_due_at_once(void **state)
{
    (void)state;
    struct db_outbox_item item;
    struct db_outbox_item again;
    size_t count;
    one_alert_one_row(&item, 3600000);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &again, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(db_outbox_release(conn, &item, NULL), ERR_OK);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &again, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(again.tries, 0);
    assert_string_equal(again.key, item.key);
    /* Too late: it is somebody else's. */
    assert_int_equal(db_outbox_release(conn, &item, NULL), ERR_OK);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &item, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 0);
}

/* A notifier that slept through its lease must not undo what the next one did. */
static void lost_lease_changes_nothing(void **state)
{
    (void)state;
    struct db_outbox_item slow;
    struct db_outbox_item next;
    size_t count;
    one_alert_one_row(&slow, 1);
    (void)usleep(20000);
    assert_int_equal(db_outbox_claim(conn, "hook", 60000, &next, 1, &count, NULL), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(db_outbox_failed(conn, &slow, "too late", 0, true, NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending' AND last_error = ''"), 1);
    assert_int_equal(db_outbox_sent(conn, &slow, NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'pending'"), 1);
    assert_int_equal(db_outbox_sent(conn, &next, NULL), ERR_OK);
    assert_int_equal(number("SELECT count(*) FROM outbox WHERE state = 'sent'"), 1);
}

static int open_all(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    conn = fixture.db.conn;
    sql("INSERT INTO log (name, protocol, url, log_id, key) VALUES ('one', 'rfc6962', "
        "'https://one.example/', sha256('one'), 'k');"
        "INSERT INTO log_range (log, range_begin, next, verified) VALUES (1, 0, 0, 0)");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listed_by_filter),
        cmocka_unit_test(shown_with_evidence),
        cmocka_unit_test(adopted_when_a_channel_comes),
        cmocka_unit_test(a_channel_that_comes_late),
        cmocka_unit_test(released_is_due_at_once),
        cmocka_unit_test(claimed_by_one_only),
        cmocka_unit_test(sent_and_notified),
        cmocka_unit_test(failed_tried_again_and_dead),
        cmocka_unit_test(lost_lease_changes_nothing),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
