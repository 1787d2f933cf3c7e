/* Alerts that were raised because nobody could prove the issuer, and what proves it later. */
#include "db/db_late.h"

#include "model/cert.h"
#include "tests/fixture/storetest.h"

#define UNKNOWN "CN=CA (issuer unknown: no certificate of it proves the signature)"
#define CLAIMED "CN=CA (allowed, but by the word of the log alone; spki:aa)"
#define B8      "bbbbbbbb"
#define PROVEN  "CN=CA (spki:" B8 B8 B8 B8 B8 B8 B8 B8 ")"

enum what { PROOF, PRECERT, WORD, NO_KEY, OTHER_BYTES, OTHER_KEY, ALIKE, ALIKE_LATER, POISONED };

struct step {
    int log;
    enum what what;
    const char *found; /* of the alert raised with it; NULL: none */
    bool low;
};

static const struct {
    const char *what;
    bool allowed;
    struct step steps[4];
    const char *state;
} rows[] = {
    {"a lying chain first, then a good one",
     true,
     {{0, NO_KEY, UNKNOWN, false}, {1, PROOF, NULL, false}},
     "closed"},
    {"a good chain first, then a lying one",
     true,
     {{0, PROOF, NULL, false}, {1, NO_KEY, UNKNOWN, false}},
     "closed"},
    {"the good one is of a CA that is not allowed",
     false,
     {{0, NO_KEY, UNKNOWN, false}, {1, PROOF, PROVEN, false}},
     "new"},
    {"and nobody alerted on that", false, {{0, NO_KEY, UNKNOWN, false}, {1, PROOF, NULL, false}}, "new"},
    {"the good one has other bytes",
     true,
     {{0, NO_KEY, UNKNOWN, false}, {1, OTHER_BYTES, NULL, false}},
     "new"},
    {"one of two places shows other bytes",
     true,
     {{0, NO_KEY, UNKNOWN, false}, {0, OTHER_BYTES, UNKNOWN, false}, {1, PROOF, NULL, false}},
     "new"},
    {"another key is proven, too",
     true,
     {{0, NO_KEY, UNKNOWN, false}, {1, PROOF, NULL, false}, {1, OTHER_KEY, PROVEN, false}},
     "new"},
    {"by the word of the log, then a precertificate",
     true,
     {{0, WORD, CLAIMED, true}, {1, PRECERT, NULL, false}},
     "closed"},
    {"by the word of the log, then a precertificate of the same 64 bits, and of another day",
     true,
     {{0, WORD, CLAIMED, true}, {1, ALIKE_LATER, NULL, false}},
     "new"},
    {"by the word of the log, then a precertificate of the same 64 bits and the same day",
     true,
     {{0, WORD, CLAIMED, true}, {1, ALIKE, NULL, false}},
     "new"},
    {"a precertificate of the same 64 bits, and then its own",
     true,
     {{0, ALIKE_LATER, NULL, false}, {0, WORD, CLAIMED, true}, {1, PRECERT, NULL, false}},
     "closed"},
    {"by the word of the log, then a final one with the poison in another log",
     true,
     {{0, WORD, CLAIMED, true}, {1, POISONED, NULL, false}},
     "new"},
    {"with the poison first, by the word of the log, and in another log",
     true,
     {{0, POISONED, CLAIMED, true}, {1, POISONED, NULL, false}},
     "new"},
    {"with the poison first, and then a precertificate: older versions did not tell them apart",
     true,
     {{0, POISONED, CLAIMED, true}, {1, PRECERT, NULL, false}},
     "new"},
    {"with the poison it is other bytes than those that are proven",
     true,
     {{0, NO_KEY, UNKNOWN, false}, {0, POISONED, UNKNOWN, false}, {1, PROOF, NULL, false}},
     "new"},
    {"by the word of the log, and nothing since", true, {{0, WORD, CLAIMED, true}}, "new"},
    {"by the word of the log for a CA that is not allowed",
     false,
     {{0, WORD, CLAIMED, true}, {1, PRECERT, NULL, false}},
     "new"},
    {"a precertificate says nothing of a final certificate nobody proved",
     true,
     {{0, NO_KEY, UNKNOWN, false}, {1, PRECERT, NULL, false}},
     "new"},
    {"the TBS under two keys: a precertificate of which?",
     true,
     {{0, WORD, CLAIMED, true}, {1, OTHER_KEY, NULL, false}, {1, PRECERT, NULL, false}},
     "new"},
};

struct rig {
    struct storetest test;
    struct store *store;
    struct store_range range[2];
    struct batch batch;
};

static void rig_start(struct rig *rig)
{
    storetest_new(&rig->test);
    storetest_run(rig->test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    rig->store = storetest_open(rig->test.dsn);
    for (int i = 0; i < 2; i++)
        storetest_take(rig->store, i + 1, &rig->range[i]);
    assert_true(batch_init(&rig->batch, STORETEST_BATCH_BYTES));
}

static void rig_end(struct rig *rig)
{
    batch_fini(&rig->batch);
    rig->store->ops->free(rig->store);
}

static void play(struct rig *rig, uint64_t number, const struct step *step)
{
    struct store_range *range = &rig->range[step->log];
    bool alike = step->what == ALIKE || step->what == ALIKE_LATER;
    struct issuances_entry spec = {number,
                                   alike || step->what == PRECERT ? ISSUANCE_PRECERT
                                   : step->what == POISONED       ? ISSUANCE_POISONED
                                                                  : ISSUANCE_FINAL,
                                   false};
    issuances_batch(&rig->batch, &rig->test.log[step->log], range->next, &spec, 1);
    struct entry *entry = &rig->batch.entries[0];
    rig->batch.watch_generation = 1;
    rig->batch.alert_count = 0;
    entry->issuance.issuer_known = step->what != NO_KEY;
    entry->issuance.issuer_proven = step->what != NO_KEY && step->what != WORD && step->what != POISONED;
    entry->issuance.cert_flags |= step->what == POISONED ? CERT_POISON : 0;
    if (step->what == NO_KEY)
        memset(entry->issuance.issuer_spki_sha256, 0, 32);
    entry->issuance.tbs_fp[31] ^= alike;
    entry->issuance.not_after += step->what == ALIKE_LATER ? 5 * 86400 : 0;
    if (step->what == OTHER_KEY)
        entry->issuance.issuer_spki_sha256[0] ^= 1;
    if (step->what == OTHER_BYTES || step->what == OTHER_KEY || step->what == POISONED)
        entry->sighting.sha256[0] ^= 1;
    if (step->found != NULL)
        issuances_alert(&rig->batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, step->found);
    if (step->low)
        rig->batch.alerts[0].findings[0].severity = ALERT_LOW;
    storetest_must_commit(rig->store, range, &rig->batch);
}

static uint64_t look(struct rig *rig)
{
    static struct db_late list[DB_LATE_PAGE];
    struct err why = {0};
    struct pgconn *conn = NULL;
    uint64_t sum = 0;
    int64_t after = 0;
    assert_int_equal(pgconn_open(rig->test.dsn, &conn, &why), ERR_OK);
    do {
        size_t count = 0;
        if (db_late_list(conn, &after, list, &count, &why) != ERR_OK)
            fail_msg("%s", why.text);
        for (size_t i = 0; i < count; i++) {
            struct db_late_settled settled;
            if (db_late_settle(conn, &list[i], NULL, &settled, &why) != ERR_OK)
                fail_msg("%s", why.text);
            assert_int_equal(settled.less, list[i].proven);
            sum += settled.shut;
        }
    } while (after != 0);
    pgconn_free(conn);
    return sum;
}

static void allow(struct rig *rig, uint64_t number)
{
    char sql[300];
    char hex[65];
    uint8_t key[32];
    issuances_hash("issuer", number % 7, key);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO domain_allow (domain, spki_sha256, label) VALUES (1, '\\x%s', 'it')",
                   text_hex(span_of(key, 32), hex));
    storetest_run(rig->test.dsn, sql);
}

static void each_case(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    for (size_t i = 0; i < countof(rows); i++) {
        char text[300];
        storetest_run(rig.test.dsn, "DELETE FROM alert; DELETE FROM domain_allow");
        if (rows[i].allowed)
            allow(&rig, i);
        for (size_t k = 0;
             k < countof(rows[i].steps) && (k == 0 || rows[i].steps[k].log + (int)rows[i].steps[k].what != 0);
             k++)
            play(&rig, i, &rows[i].steps[k]);
        bool closes = strcmp(rows[i].state, "closed") == 0;
        if (look(&rig) != (closes ? 1 : 0) || look(&rig) != 0)
            fail_msg("%s: closed otherwise", rows[i].what);
        assert_true(
            pgtest_sql(rig.test.dsn,
                       "SELECT state || (reason LIKE 'issued by an allowed CA, spki:%, entry %')::text ||"
                       " (SELECT count(*) FROM outbox WHERE state = 'pending') FROM alert",
                       text, sizeof text));
        if (strcmp(text, closes ? "closedtrue0" : "newfalse2") != 0)
            fail_msg("%s: %s", rows[i].what, text);
    }
    rig_end(&rig);
}

/* What was closed stays so when the same is seen again, and opens again for news. */
static void afterwards(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    allow(&rig, 3);
    play(&rig, 3, &(struct step){0, NO_KEY, UNKNOWN, false});
    storetest_run(rig.test.dsn,
                  "UPDATE alert SET state = 'notified'; UPDATE outbox SET state = 'sent', sent_at = now()");
    play(&rig, 3, &(struct step){1, PROOF, NULL, false});
    assert_int_equal(look(&rig), 1);
    storetest_text(rig.test.dsn, "SELECT history->0->>'state' FROM alert", "notified");
    play(&rig, 3, &(struct step){1, NO_KEY, UNKNOWN, false});
    storetest_text(rig.test.dsn,
                   "SELECT a.state || (SELECT count(*) FROM outbox WHERE state = 'sent') FROM alert AS a",
                   "closed2");
    play(&rig, 3, &(struct step){1, OTHER_KEY, PROVEN, false});
    storetest_text(rig.test.dsn, "SELECT state || event FROM alert", "newescalated");
    assert_int_equal(look(&rig), 0);
    rig_end(&rig);
}

/* More than a page of them. */
static void many(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    for (uint64_t i = 0; i < 7; i++)
        allow(&rig, i);
    for (uint64_t i = 0; i < DB_LATE_PAGE + 6; i++)
        play(&rig, i, &(struct step){0, NO_KEY, UNKNOWN, false});
    for (uint64_t i = 0; i < DB_LATE_PAGE + 6; i += 3)
        play(&rig, i, &(struct step){1, PROOF, NULL, false});
    assert_int_equal(look(&rig), (DB_LATE_PAGE + 8) / 3);
    check_sql(rig.test.dsn, "SELECT count(*) FROM alert WHERE state = 'new'",
              DB_LATE_PAGE + 6 - (DB_LATE_PAGE + 8) / 3);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(afterwards),
        cmocka_unit_test(many),
    };
    return storetest_main(tests, countof(tests), "db_late");
}
