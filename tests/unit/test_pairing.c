/* What belongs to certificates of registered domains, in whatever order it comes. */
#include "watcher/pairing.h"

#include "tests/fixture/pairrig.h"

#include "base/limits.h"
#include "db/db_load.h"
#include "db/pgstore.h"
#include "model/cert.h"
#include "watcher/history.h"

#define OLD_S INT64_C(1600000000) /* September 2020 */

/* Of one issuer, and 1 is ours. Under the serial number of 1 stands what is SAME. The tbs_fp of ALIKE begins
 * with the same 64 bits as ours, and it is over on the same day. */
enum { OURS = 1, SAME = 8, OTHER_ISSUER = 9, ALIKE = 21 };

struct step {
    int log; /* 0, 1; -1: a look instead */
    uint64_t number;
    enum issuance_form form;
    bool bare; /* a final certificate without SCTs */
    bool late; /* a look a day later */
};

#define PRE(log, number)                                                                                     \
    {                                                                                                        \
        log, number, ISSUANCE_PRECERT, false, false                                                          \
    }
#define FINAL(log, number)                                                                                   \
    {                                                                                                        \
        log, number, ISSUANCE_FINAL, false, false                                                            \
    }
#define POISONED(log, number)                                                                                \
    {                                                                                                        \
        log, number, ISSUANCE_POISONED, false, false                                                         \
    }
#define BARE(log)                                                                                            \
    {                                                                                                        \
        log, OURS, ISSUANCE_FINAL, true, false                                                               \
    }
#define LOOK                                                                                                 \
    {                                                                                                        \
        -1, 0, ISSUANCE_FINAL, false, false                                                                  \
    }
#define LATER                                                                                                \
    {                                                                                                        \
        -1, 0, ISSUANCE_FINAL, false, true                                                                   \
    }

static const struct {
    const char *what;
    struct step steps[5];
    size_t count;
    const char *alert; /* NULL: none */
} rows[] = {
    {"precertificate and final certificate in two logs",
     {PRE(0, OURS), FINAL(0, OURS), PRE(1, OURS), LATER},
     4,
     NULL},
    {"the other one is there already",
     {PRE(1, SAME), PRE(0, OURS), LOOK},
     3,
     "critical twin_serial serial 1 new"},
    {"the other one comes later",
     {PRE(0, OURS), LOOK, PRE(1, SAME), LOOK, LATER},
     5,
     "critical twin_serial serial 1 new"},
    {"two final certificates",
     {FINAL(0, OURS), FINAL(0, SAME), LOOK},
     3,
     "critical twin_serial serial 1 new"},
    {"the same serial number of another issuer",
     {FINAL(0, OURS), FINAL(0, OTHER_ISSUER), LOOK, LATER},
     4,
     NULL},
    {"announced, and another one made",
     {PRE(0, OURS), FINAL(1, SAME), LOOK, LATER},
     4,
     "high twin_serial final_differs 1 new"},
    {"another one announced",
     {FINAL(0, OURS), PRE(1, SAME), LOOK},
     3,
     "high twin_serial final_differs 1 new"},
    {"final certificates have SCTs as a rule", {FINAL(0, OURS), LATER}, 2, NULL},
    {"one without, and time for the precertificate", {BARE(0), LOOK}, 2, NULL},
    {"one without, and no precertificate",
     {BARE(0), LOOK, LATER, LATER},
     4,
     "high final_without_precert precert 1 new"},
    {"its precertificate is in another log", {BARE(0), PRE(1, OURS), LATER}, 3, NULL},
    {"a precertificate that was made to look like its own",
     {BARE(0), PRE(1, ALIKE), LATER, LATER},
     4,
     "high final_without_precert precert 1 new"},
    {"its precertificate comes after the alert",
     {BARE(0), LATER, PRE(1, OURS), LATER, LATER},
     5,
     "high final_without_precert precert 1 closed"},
    {"a final one with the poison is no precertificate",
     {BARE(0), POISONED(1, OURS), LATER, LATER},
     4,
     "high final_without_precert precert 1 new"},
    {"nor where it was seen first",
     {POISONED(1, OURS), BARE(0), LATER, LATER},
     4,
     "high final_without_precert precert 1 new"},
    {"nor in two logs, and it takes nothing back",
     {BARE(0), LATER, POISONED(1, OURS), POISONED(0, OURS), LATER},
     5,
     "high final_without_precert precert 1 new"},
    {"with the poison first, and then its precertificate",
     {POISONED(1, OURS), BARE(0), PRE(0, OURS), LATER},
     4,
     NULL},
    {"with the poison it is no final certificate", {POISONED(0, OURS), PRE(1, OURS), LATER}, 3, NULL},
    {"announced, and another one made and poisoned",
     {PRE(0, OURS), FINAL(1, SAME), POISONED(0, SAME), LOOK, LATER},
     5,
     "high twin_serial final_differs 1 new"},
    {"another one made than a log took in with the poison",
     {POISONED(0, OURS), FINAL(1, SAME), LOOK, LATER},
     4,
     "high twin_serial final_differs 1 new"},
};

/* `raised`: how many alerts are new. */
static void look_unverified(struct pairrig *rig, bool late, uint64_t raised)
{
    struct pairing_report report;
    struct err why = {0};
    storetest_run(rig->test.dsn, "UPDATE pair_look SET due_at = now()");
    if (late)
        storetest_run(rig->test.dsn, "UPDATE pair_look SET noted_at = now() - interval '1 day'");
    if (pairing_look(rig->conn, 100, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    if (raised != UINT64_MAX)
        assert_int_equal(report.raised, raised);
}

static void look(struct pairrig *rig, bool late, uint64_t raised)
{
    storetest_run(rig->test.dsn, "UPDATE log_range SET verified = next");
    look_unverified(rig, late, raised);
}

/* As matching leaves it: ours, and as expected. */
static void put(struct pairrig *rig, const struct step *step)
{
    struct issuances_entry spec = {step->number, step->form, false};
    struct store_range *range = &rig->range[step->log];
    uint8_t serial[32];
    uint8_t own[32];
    issuances_batch(&rig->batch, &rig->test.log[step->log], range->next, &spec, 1);
    struct entry *entry = &rig->batch.entries[0];
    rig->batch.watch_generation = 1;
    rig->batch.alert_count = 0;
    issuances_hash("spki", OURS, serial);
    issuances_hash("fp", OURS, own);
    if (step->number == ALIKE)
        memcpy(entry->issuance.tbs_fp, own, 8);
    if (rig->over) {
        entry->issuance.not_before = OLD_S;
        entry->issuance.not_after = OLD_S + 90 * 86400;
    }
    entry->issuance.serial = arena_copy(&rig->batch.arena, span_of(serial, 16));
    entry->issuance.cert_flags |= step->bare ? CERT_NO_SCTS | CERT_SERVER_AUTH : 0;
    entry->issuance.cert_flags |= step->form == ISSUANCE_POISONED ? CERT_POISON : 0;
    if (step->number == OURS) {
        issuances_alert(&rig->batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "nothing");
        rig->batch.alerts[0].finding_count = 0;
    }
    storetest_must_commit(rig->store, range, &rig->batch);
}

static void check_alert(struct pairrig *rig, const char *what, const char *expected)
{
    char text[300];
    assert_true(pgtest_sql(rig->test.dsn,
                           "SELECT coalesce(string_agg(concat_ws(' ', severity, kind, findings->0->>'rule',"
                           " jsonb_array_length(findings), state), '; '), 'none') FROM alert",
                           text, sizeof text));
    if (strcmp(text, expected == NULL ? "none" : expected) != 0)
        fail_msg("%s: %s", what, text);
}

static void clear(struct pairrig *rig)
{
    storetest_run(rig->test.dsn,
                  "DELETE FROM alert; DELETE FROM pair_look; DELETE FROM cert; DELETE FROM log_tile");
}

static void each_case(void **state)
{
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    for (size_t i = 0; i < countof(rows); i++) {
        clear(&rig);
        for (size_t k = 0; k < rows[i].count; k++) {
            if (rows[i].steps[k].log < 0)
                look(&rig, rows[i].steps[k].late, UINT64_MAX);
            else
                put(&rig, &rows[i].steps[k]);
        }
        check_alert(&rig, rows[i].what, rows[i].alert);
    }
    pairrig_end(&rig);
}

/* The finding says which certificate the other one is, and where. */
static void says_which(void **state)
{
    struct pairrig rig;
    uint8_t fp[32];
    char hex[65];
    char like[300];
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, SAME));
    put(&rig, &(struct step)PRE(0, OURS));
    look(&rig, false, 1);
    issuances_hash("fp", SAME, fp);
    (void)snprintf(like, sizeof like,
                   "SELECT count(*) FROM alert WHERE name = 'x1.test' AND findings->0->>'found' LIKE"
                   " '%%another certificate for x8.test, www.x8.test, valid from %%seen in log 1, entry 0"
                   " (tbs_fp %s)' AND domain_name = 'x1.test'",
                   text_hex(span_of(fp, 32), hex));
    check_sql(rig.test.dsn, like, 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM alert_sighting WHERE log = 1 AND idx = 1", 1);
    pairrig_end(&rig);
}

/* A damaged copy of a certificate has its serial number, and goes when the entry is mended; what nobody can
 * verify for a day is told all the same. */
static void the_other_is_verified_first(void **state)
{
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, SAME));
    put(&rig, &(struct step)PRE(0, OURS));
    look_unverified(&rig, false, 0);
    look(&rig, false, 1);
    clear(&rig);
    put(&rig, &(struct step)PRE(1, SAME));
    storetest_run(rig.test.dsn, "UPDATE log_range SET verified = range_begin");
    put(&rig, &(struct step)PRE(1, OURS));
    look_unverified(&rig, false, 0);
    look_unverified(&rig, true, 1);
    pairrig_end(&rig);
}

/* What is told once is told once, also after the one who looked died before he noted it. */
static void once(void **state)
{
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, SAME));
    put(&rig, &(struct step)PRE(0, OURS));
    look(&rig, false, 1);
    storetest_run(rig.test.dsn, "UPDATE alert SET state = 'acked'; UPDATE outbox SET state = 'sent'");
    look(&rig, false, 0);
    put(&rig, &(struct step)PRE(1, OURS));
    look(&rig, true, 0);
    storetest_text(rig.test.dsn, "SELECT state || jsonb_array_length(findings) FROM alert", "acked1");
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 0);
    pairrig_end(&rig);
}

/* One that can not be told of waits for its next turn, as if it had been looked at, and is told then. */
static void a_bad_one_goes_behind(void **state)
{
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, SAME));
    put(&rig, &(struct step)PRE(0, OURS));
    storetest_run(rig.test.dsn,
                  "CREATE FUNCTION no_alert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION"
                  " ''no''; END'; CREATE TRIGGER no_alert BEFORE INSERT ON alert FOR EACH ROW"
                  " EXECUTE FUNCTION no_alert()");
    look(&rig, false, 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look WHERE looks = 1 AND due_at > now()", 1);
    storetest_run(rig.test.dsn, "DROP TRIGGER no_alert ON alert");
    look(&rig, false, 1);
    pairrig_end(&rig);
}

/* The pause doubles, and ends with the certificate. */
static void pauses(void **state)
{
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, OURS));
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look WHERE due_at <= now()", 1);
    for (int i = 0; i < 3; i++)
        look(&rig, false, 0);
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM pair_look WHERE looks = 3 AND due_at BETWEEN now() + interval '3 min'"
              " AND now() + interval '4 min'",
              1);
    storetest_run(rig.test.dsn, "UPDATE pair_look SET looks = 90");
    look(&rig, false, 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look WHERE due_at > now() + interval '29 days'", 1);
    /* It is asked for what ran out lately, too. */
    storetest_run(rig.test.dsn,
                  "UPDATE pair_look SET not_after = now() - interval '39 days', due_at = now()");
    look(&rig, false, 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look", 1);
    storetest_run(rig.test.dsn,
                  "UPDATE pair_look SET not_after = now() - interval '41 days', due_at = now()");
    look(&rig, false, 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look", 0);
    pairrig_end(&rig);
}

/* By the rules of the entry as they stand: switched off, other severities, a name that is not ours any more.
 */
static void follows_the_policy(void **state)
{
    static const struct {
        const char *policy;
        const char *alert;
    } cases[] = {{"{\"pairing\": \"off\"}", NULL},
                 {"{\"exclude\": [\"x1.test\"]}", NULL},
                 {"{\"severity\": {\"twin_serial\": \"low\"}}", "low twin_serial serial 1 new"}};
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    for (size_t i = 0; i < countof(cases); i++) {
        char sql[200];
        clear(&rig);
        put(&rig, &(struct step)PRE(0, SAME));
        put(&rig, &(struct step)PRE(0, OURS));
        (void)snprintf(sql, sizeof sql, "UPDATE domain SET policy = '%s'", cases[i].policy);
        storetest_run(rig.test.dsn, sql);
        look(&rig, true, UINT64_MAX);
        check_alert(&rig, cases[i].policy, cases[i].alert);
    }
    pairrig_end(&rig);
}

/* `policy`; the domain's certificates were noted so many days ago. */
static void as_noted(struct pairrig *rig, const char *policy, int days)
{
    char sql[300];
    (void)snprintf(
        sql, sizeof sql,
        "UPDATE domain SET policy = '%s'; UPDATE pair_look SET noted_at = now() - interval '%d days'", policy,
        days);
    storetest_run(rig->test.dsn, sql);
    look(rig, false, UINT64_MAX);
}

/* A precertificate and no certificate: told when somebody asked, in time, and taken back. */
static void never_made(void **state)
{
    static const char within[] = "{\"pairing\": {\"final_within\": \"3d\"}}";
    struct pairrig rig;
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, OURS));
    as_noted(&rig, "{}", 30);
    check_alert(&rig, "nobody asked", NULL);
    as_noted(&rig, within, 1);
    check_alert(&rig, "too early", NULL);
    /* Looked at again when it is time, and not when the pause is over. */
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look WHERE due_at <= noted_at + interval '3 days'", 1);
    storetest_run(rig.test.dsn, "UPDATE pair_look SET looks = 16");
    as_noted(&rig, within, 1);
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM pair_look WHERE abs(extract(epoch FROM due_at - noted_at) - 259200) < 2",
              1);
    as_noted(&rig, within, 4);
    check_alert(&rig, "in time", "info precert_without_final final_within 1 new");
    as_noted(&rig, within, 5);
    check_alert(&rig, "once", "info precert_without_final final_within 1 new");
    put(&rig, &(struct step)FINAL(1, OURS));
    as_noted(&rig, within, 6);
    check_alert(&rig, "it came", "info precert_without_final final_within 1 closed");
    /* What came in time is silent, and what is over is no matter. */
    clear(&rig);
    put(&rig, &(struct step)PRE(0, OURS));
    put(&rig, &(struct step)FINAL(1, OURS));
    as_noted(&rig, within, 6);
    check_alert(&rig, "both", NULL);
    clear(&rig);
    put(&rig, &(struct step)FINAL(0, OURS));
    as_noted(&rig, within, 6);
    check_alert(&rig, "no precertificate", NULL);
    /* A CA that signed one with the poison means to make it, in whatever entry that is; nor is it made by
     * that. */
    clear(&rig);
    put(&rig, &(struct step)POISONED(0, OURS));
    as_noted(&rig, within, 6);
    check_alert(&rig, "with the poison", "info precert_without_final final_within 1 new");
    storetest_text(
        rig.test.dsn,
        "SELECT count(*) FROM alert WHERE findings->0->>'found' LIKE '% as a final certificate at %'", "1");
    clear(&rig);
    put(&rig, &(struct step)PRE(0, OURS));
    put(&rig, &(struct step)POISONED(1, OURS));
    as_noted(&rig, within, 6);
    check_alert(&rig, "not made by that", "info precert_without_final final_within 1 new");
    pairrig_end(&rig);
}

static bool ask_within(void *arg, struct watch *watch)
{
    watch->final_within_s = *(const int64_t *)arg;
    return true;
}

/* Who asks today is told today, not when the pause of who never asked is over. */
static void asked_later(void **state)
{
    struct pairrig rig;
    struct pairing_report report;
    struct err why = {0};
    int64_t within = 259200;
    struct db_domain_edit edit = {.each = ask_within, .arg = &within};
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    put(&rig, &(struct step)PRE(0, OURS));
    look(&rig, false, 0);
    storetest_run(rig.test.dsn, "UPDATE pair_look SET noted_at = now() - interval '30 days',"
                                " due_at = now() + interval '29 days'");
    assert_int_equal(db_domain_edit(rig.conn, &edit, &why), ERR_OK);
    watch_free(edit.watches, edit.count);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look WHERE due_at <= now()", 1);
    assert_int_equal(pairing_look(rig.conn, 100, NULL, &report, &why), ERR_OK);
    check_alert(&rig, "asked", "info precert_without_final final_within 1 new");
    pairrig_end(&rig);
}

/* A domain that is registered when both are stored. */
static void found_by_history(void **state)
{
    struct pairrig rig;
    struct history_reader reader = {.read = NULL};
    struct history_result result;
    struct pgconn *second = NULL;
    struct err why = {0};
    struct watch watch = {.id = 1, .kind = WATCH_DNS, .name = (char *)(uintptr_t) "x1.test"};
    (void)state;
    pairrig_start(&rig, "x1.test", "{}");
    storetest_run(rig.test.dsn, "DELETE FROM pair_look");
    put(&rig, &(struct step)PRE(0, SAME));
    put(&rig, &(struct step)PRE(0, OURS));
    storetest_run(rig.test.dsn, "DELETE FROM pair_look");
    assert_int_equal(pgconn_open(rig.test.dsn, &second, NULL), ERR_OK);
    if (history_run(rig.conn, second, &watch, &reader, &result, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(result.concerned, 1);
    pgconn_free(second);
    look(&rig, false, 0); /* one alert: history told of the CA */
    storetest_text(rig.test.dsn,
                   "SELECT kind || ' ' || jsonb_array_length(findings) || ' ' || event FROM alert",
                   "twin_serial 2 new");
    pairrig_end(&rig);
}

/* Nine looks, as many as what is over gets. */
static void look_often(struct pairrig *rig)
{
    for (int i = 0; i < 9; i++)
        look(rig, true, 0);
}

static void put_over(struct pairrig *rig, const struct step *step, bool down)
{
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE log SET interval_begin = '2019-01-01', interval_end = %s WHERE id = %d;"
                   "DELETE FROM log_head; INSERT INTO log_head (log, size, root, timestamp, raw) VALUES"
                   " (%d, 1000000, sha256('1'), now(), '')",
                   down ? "'2022-01-01'" : "NULL", step->log + 1, step->log + 1);
    storetest_run(rig->test.dsn, sql);
    rig->over = true;
    put(rig, step);
    rig->over = false;
}

static void settle(struct pairrig *rig)
{
    struct err why = {0};
    if (db_load_settle(rig->conn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* What expired long ago is put down, and found hours later, when it would have been given up; so is what it
 * is compared with. */
static void what_is_put_down_is_waited_for(void **state)
{
    static const char none[] = "SELECT count(*) FROM pair_look";
    struct pairrig rig;
    (void)state;
    for (int row = 0; row < 3; row++) {
        pairrig_start(&rig, "x1.test", "{}");
        store_pg_past(rig.store, 31, 1);
        put_over(&rig, &(struct step)PRE(1, SAME), row != 1);
        put_over(&rig, &(struct step)PRE(0, OURS), row != 2);
        check_sql(rig.test.dsn, "SELECT count(*) FROM cert", row == 0 ? 0 : 1);
        look_often(&rig);
        look_often(&rig);
        check_sql(rig.test.dsn,
                  "SELECT count(*) FROM pair_look WHERE looks > 16 AND due_at BETWEEN now() + interval '5 h'"
                  " AND now() + interval '6 h'",
                  1);
        check_alert(&rig, "put down", NULL);
        settle(&rig);
        look(&rig, false, 1);
        check_alert(&rig, "in its place", "critical twin_serial serial 1 new");
        check_sql(rig.test.dsn, none, 0);
        pairrig_end(&rig);
    }
    /* What is beyond the horizon never gets a row, and is not asked for for ever. */
    pairrig_start(&rig, "x1.test", "{}");
    storetest_run(rig.test.dsn, "UPDATE cert_removal SET horizon = now()");
    put_over(&rig, &(struct step)PRE(0, OURS), false);
    look_often(&rig);
    check_sql(rig.test.dsn, none, 0);
    pairrig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(says_which),
        cmocka_unit_test(the_other_is_verified_first),
        cmocka_unit_test(once),
        cmocka_unit_test(a_bad_one_goes_behind),
        cmocka_unit_test(pauses),
        cmocka_unit_test(follows_the_policy),
        cmocka_unit_test(never_made),
        cmocka_unit_test(asked_later),
        cmocka_unit_test(found_by_history),
        cmocka_unit_test(what_is_put_down_is_waited_for),
    };
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "pairing");
}
