/* What SCTs promise, and when somebody is told that it was not kept. */
#include "watcher/promise.h"

#include "tests/fixture/storetest.h"

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/limits.h"
#include "parser/tbs.h"
#include "tests/fixture/sctmill.h"

#define T0       ISSUANCES_T0 /* of every SCT */
#define HOUR     3600
#define NOBODY   2 /* a log that is not known */
#define ANYWHERE (-1)

enum act { ACT_END, ACT_PRE, ACT_FINAL, ACT_UNKNOWN, ACT_OTHER, ACT_HEAD, ACT_LOOK, ACT_SQL };

struct step {
    enum act act;
    int log;
    int64_t s; /* after T0 */
    const char *sql;
};

/* clang-format off */
#define PRE(log, s)   {ACT_PRE, log, s, NULL}     /* its precertificate, with this time */
#define FINAL(log)    {ACT_FINAL, log, 60, NULL}
#define UNKNOWN(log)  {ACT_UNKNOWN, log, 60, NULL} /* its final certificate, from an issuer nobody knows */
#define OTHER(log)    {ACT_OTHER, log, 60, NULL}  /* somebody else's */
#define HEAD(log, s)  {ACT_HEAD, log, s, NULL}    /* signed then, over what is read, which is verified */
#define LOOK          {ACT_LOOK, 0, 0, NULL}
#define SQL(text)     {ACT_SQL, 0, 0, text}
/* clang-format on */

struct promised {
    int log; /* plus one; 0: no more */
    int64_t index;
    bool broken;
};

#define ONE                                                                                                  \
    {                                                                                                        \
        {                                                                                                    \
            1, ANYWHERE, false                                                                               \
        }                                                                                                    \
    }
#define TWO                                                                                                  \
    {                                                                                                        \
        {1, ANYWHERE, false},                                                                                \
        {                                                                                                    \
            2, ANYWHERE, false                                                                               \
        }                                                                                                    \
    }
#define AT(n)                                                                                                \
    {                                                                                                        \
        {                                                                                                    \
            1, n, false                                                                                      \
        }                                                                                                    \
    }

static const struct {
    const char *what;
    struct promised promised[3];
    struct step steps[9];
    const char *alert; /* NULL: none */
    int left;          /* certificates that are still looked after */
} rows[] = {
    {"kept", ONE, {FINAL(1), PRE(0, 0), HEAD(0, 30 * HOUR), LOOK}, NULL, 0},
    {"kept before it had to be", ONE, {FINAL(1), PRE(0, 0), HEAD(0, HOUR), LOOK}, NULL, 0},
    {"there, and not verified yet", ONE, {FINAL(1), PRE(0, 0), LOOK}, NULL, 1},
    {"not there",
     ONE,
     {OTHER(0), HEAD(0, -2 * HOUR), FINAL(1), OTHER(0), HEAD(0, 25 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"the final certificate is not what was promised",
     ONE,
     {FINAL(0), HEAD(0, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"in another log",
     ONE,
     {FINAL(1), PRE(1, 0), HEAD(0, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"time remains", ONE, {FINAL(1), OTHER(0), HEAD(0, 24 * HOUR), LOOK}, NULL, 1},
    {"a shorter merge delay",
     ONE,
     {SQL("UPDATE log SET mmd_s = 60 WHERE id = 1"), FINAL(1), OTHER(0), HEAD(0, 2 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"its head is dated into the future",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR),
      SQL("UPDATE log_head SET seen_last = timestamp - interval '7 hours'"), LOOK},
     NULL,
     1},
    {"no head of then is verified",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), SQL("UPDATE log_head SET verified = false"), LOOK},
     NULL,
     1},
    {"reading began later",
     ONE,
     {FINAL(1), OTHER(0), OTHER(0), HEAD(0, 30 * HOUR),
      SQL("UPDATE log_range SET range_begin = 1 WHERE log = 1"), LOOK},
     NULL,
     1},
    {"reading began later, and before the promise",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, -2 * HOUR), OTHER(0), HEAD(0, 30 * HOUR),
      SQL("UPDATE log_range SET range_begin = 1 WHERE log = 1"), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"an hour too late to say so",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, -HOUR / 2), OTHER(0), HEAD(0, 30 * HOUR),
      SQL("UPDATE log_range SET range_begin = 1 WHERE log = 1"), LOOK},
     NULL,
     1},
    {"some of it was not stored",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR),
      SQL("INSERT INTO log_gap (log, range_begin, range_end, reason, matched, alert) VALUES (1, 0, 1, "
          "'disk', true, 0)"),
      LOOK},
     NULL,
     1},
    {"with another time",
     ONE,
     {FINAL(1), PRE(0, 300), HEAD(0, 30 * HOUR), LOOK},
     "low sct_not_incorporated sct_other 1 new",
     1},
    {"too late",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, PRE(0, 0), HEAD(0, 40 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 closed",
     0},
    {"too late, beside a log nobody knows",
     {{1, ANYWHERE, false}, {1 + NOBODY, ANYWHERE, false}},
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, PRE(0, 0), HEAD(0, 40 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 closed",
     1},
    {"too late, and switched off by then",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK,
      SQL("UPDATE domain SET policy = '{\"pairing\": \"off\"}'"), PRE(0, 0), HEAD(0, 40 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 closed",
     0},
    {"a log in two ways, and what was verified is not any more",
     ONE,
     {SQL("UPDATE log SET log_id = o.log_id, key = o.key, protocol = 'static-ct' FROM log AS o"
          " WHERE log.id = 2 AND o.id = 1"),
      FINAL(1), OTHER(1), HEAD(1, 30 * HOUR), LOOK, SQL("UPDATE log_range SET verified = range_begin"), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"too late, and not verified yet",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, PRE(0, 0), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"what was verified is not any more",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, SQL("UPDATE log_range SET verified = range_begin"), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"first nothing, then another time",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, PRE(0, 300), HEAD(0, 40 * HOUR), LOOK},
     "low sct_not_incorporated sct_other 1 new",
     1},
    {"forged", {{1, ANYWHERE, true}}, {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK}, NULL, 0},
    {"a log nobody knows", {{1 + NOBODY, ANYWHERE, false}}, {FINAL(1), HEAD(0, 30 * HOUR), LOOK}, NULL, 1},
    {"an issuer nobody knows", ONE, {UNKNOWN(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK}, NULL, 1},
    {"an issuer that is known later",
     ONE,
     {UNKNOWN(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, FINAL(1), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"at its index", AT(1), {OTHER(0), PRE(0, 0), FINAL(1), HEAD(0, HOUR), LOOK}, NULL, 0},
    {"another one at its index",
     AT(1),
     {OTHER(0), OTHER(0), FINAL(1), HEAD(0, HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"at another index",
     AT(1),
     {PRE(0, 0), OTHER(0), FINAL(1), HEAD(0, HOUR), LOOK},
     "low sct_not_incorporated sct_other 1 new",
     1},
    {"its index is not read yet", AT(2), {OTHER(0), OTHER(0), FINAL(1), HEAD(0, 20 * HOUR), LOOK}, NULL, 1},
    {"its index never came",
     AT(2),
     {OTHER(0), OTHER(0), FINAL(1), HEAD(0, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"two logs",
     TWO,
     {FINAL(0), OTHER(1), HEAD(0, 30 * HOUR), HEAD(1, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 2 new",
     1},
    {"two logs, and one comes late",
     TWO,
     {FINAL(0), OTHER(1), HEAD(0, 30 * HOUR), HEAD(1, 30 * HOUR), LOOK, PRE(1, 0), HEAD(1, 40 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"one kept, one not",
     TWO,
     {FINAL(0), PRE(0, 0), HEAD(0, 30 * HOUR), OTHER(1), HEAD(1, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"switched off",
     ONE,
     {SQL("UPDATE domain SET policy = '{\"pairing\": \"off\"}'"), FINAL(1), OTHER(0), HEAD(0, 30 * HOUR),
      LOOK},
     NULL,
     1},
    {"no name of ours",
     ONE,
     {SQL("UPDATE domain SET policy = '{\"exclude\": [\"x1.test\"]}'"), FINAL(1), OTHER(0),
      HEAD(0, 30 * HOUR), LOOK},
     NULL,
     1},
    {"of a severity of one's own",
     ONE,
     {SQL("UPDATE domain SET policy = '{\"severity\": {\"sct_not_incorporated\": \"info\"}}'"), FINAL(1),
      OTHER(0), HEAD(0, 30 * HOUR), LOOK},
     "info sct_not_incorporated sct 1 new",
     1},
};

struct rig {
    struct storetest test;
    struct store *store;
    struct pgconn *conn;
    struct store_range range[2];
    struct batch batch;
    EVP_PKEY *key[3];
    struct ctlog log[3];
    struct buf final;
    uint64_t others;
};

static void rig_start(struct rig *rig)
{
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    memset(rig, 0, sizeof *rig);
    buf_init(&rig->final, 1u << 20);
    assert_true(batch_init(&rig->batch, STORETEST_BATCH_BYTES));
    for (int i = 0; i < 3; i++) {
        rig->key[i] = signer_key("EC", 0, "P-256");
        rig->log[i] = signer_log(rig->key[i]);
    }
}

static void rig_hex(struct rig *rig, const char *fmt, struct span bytes, int id)
{
    static char hex[2 * CTLOG_KEY_MAX + 1];
    char sql[2 * CTLOG_KEY_MAX + 200];
    (void)snprintf(sql, sizeof sql, "UPDATE log SET %s = decode('%s', 'hex') WHERE id = %d", fmt,
                   text_hex(bytes, hex), id);
    storetest_run(rig->test.dsn, sql);
}

/* Empty, with the two logs' keys, from the first entry on. */
static void rig_world(struct rig *rig)
{
    storetest_new(&rig->test);
    storetest_run(rig->test.dsn, "INSERT INTO domain (name, kind) VALUES ('x1.test', 'dns')");
    for (int i = 0; i < 2; i++) {
        rig_hex(rig, "log_id", span_of(rig->log[i].log_id, 32), i + 1);
        rig_hex(rig, "key", span_of(rig->log[i].key, rig->log[i].key_len), i + 1);
    }
    rig->store = storetest_open(rig->test.dsn);
    assert_int_equal(pgconn_open(rig->test.dsn, &rig->conn, NULL), ERR_OK);
    for (int i = 0; i < 2; i++)
        storetest_take(rig->store, i + 1, &rig->range[i]);
    rig->others = 100;
}

static void rig_close(struct rig *rig)
{
    pgconn_free(rig->conn);
    rig->store->ops->free(rig->store);
}

static void rig_end(struct rig *rig)
{
    for (int i = 0; i < 3; i++)
        EVP_PKEY_free(rig->key[i]);
    batch_fini(&rig->batch);
    buf_fini(&rig->final);
}

static void make_final(struct rig *rig, const struct promised *promised)
{
    struct sctmill_sct scts[3];
    uint8_t issuer[32];
    size_t count = 0;
    issuances_hash("issuer", 1, issuer);
    for (; count < 3 && promised[count].log != 0; count++) {
        int log = promised[count].log - 1;
        scts[count] = (struct sctmill_sct){
            .key = rig->key[log], .timestamp_ms = T0, .leaf_index = promised[count].index};
        scts[count].broken = promised[count].broken;
        memcpy(scts[count].log_id, rig->log[log].log_id, 32);
    }
    buf_clear(&rig->final);
    sctmill_final(&rig->final, "x1.test", issuer, scts, count);
}

/* As the workers and matching leave it: as expected. */
static void put(struct rig *rig, const struct step *step)
{
    bool ours = step->act != ACT_OTHER;
    struct issuances_entry spec = {ours ? 1 : rig->others++,
                                   step->act == ACT_PRE ? ISSUANCE_PRECERT : ISSUANCE_FINAL, false};
    struct store_range *range = &rig->range[step->log];
    issuances_batch(&rig->batch, &rig->test.log[step->log], range->next, &spec, 1);
    struct entry *entry = &rig->batch.entries[0];
    rig->batch.watch_generation = 1;
    rig->batch.alert_count = 0;
    entry->timestamp_ms = T0 + step->s * 1000;
    entry->sighting.timestamp_ms = entry->timestamp_ms;
    entry->issuance.not_after = clock_wall_ms() / 86400000 * 86400 + 60 * 86400;
    if (ours) {
        issuances_alert(&rig->batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "nothing");
        rig->batch.alerts[0].finding_count = 0;
    }
    if (step->act == ACT_FINAL || step->act == ACT_UNKNOWN) {
        entry->cert_der = buf_span(&rig->final);
        assert_true(tbs_read_certificate(entry->cert_der, &entry->cert));
        assert_int_equal(entry->cert.findings.bits[0] | entry->cert.findings.bits[1], 0);
    }
    if (step->act == ACT_UNKNOWN) {
        memset(entry->issuance.issuer_spki_sha256, 0, 32);
        entry->issuance.issuer_known = false;
        entry->issuance.issuer_proven = false;
    }
    storetest_must_commit(rig->store, range, &rig->batch);
}

static void sign_head(struct rig *rig, int log, int64_t s)
{
    char sql[500];
    (void)snprintf(
        sql, sizeof sql,
        "UPDATE log_range SET verified = next WHERE log = %d; INSERT INTO log_head (log, size, root,"
        " timestamp, raw, verified, seen_last) SELECT %d, next, sha256('%" PRId64 "'), 'epoch'::timestamptz"
        " + interval '1 ms' * %" PRId64 "::int8, '', true, 'epoch'::timestamptz + interval '1 ms' * %" PRId64
        "::int8 FROM log_range WHERE log = %d",
        log + 1, log + 1, s, T0 + s * 1000, T0 + s * 1000, log + 1);
    storetest_run(rig->test.dsn, sql);
}

static struct promise_report look(struct rig *rig)
{
    struct promise_report report;
    struct err why = {0};
    storetest_run(rig->test.dsn, "UPDATE sct_look SET due_at = now()");
    if (promise_look(rig->conn, 100, INT64_MAX / 2, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

static void act(struct rig *rig, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count && steps[i].act != ACT_END; i++) {
        switch (steps[i].act) {
        case ACT_HEAD:
            sign_head(rig, steps[i].log, steps[i].s);
            break;
        case ACT_LOOK:
            (void)look(rig);
            break;
        case ACT_SQL:
            storetest_run(rig->test.dsn, steps[i].sql);
            break;
        default:
            put(rig, &steps[i]);
        }
    }
}

static void check(struct rig *rig, const char *what, const char *expected, int left)
{
    char text[300];
    assert_true(pgtest_sql(rig->test.dsn,
                           "SELECT coalesce(string_agg(concat_ws(' ', severity, kind, findings->0->>'rule',"
                           " jsonb_array_length(findings), state), '; '), 'none') FROM alert",
                           text, sizeof text));
    if (strcmp(text, expected == NULL ? "none" : expected) != 0)
        fail_msg("%s: %s", what, text);
    if (pgtest_count(rig->test.dsn, "SELECT count(*) FROM sct_look") != left)
        fail_msg("%s: %d certificates should be looked after", what, left);
}

static void each_case(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    for (size_t i = 0; i < countof(rows); i++) {
        rig_world(&rig);
        make_final(&rig, rows[i].promised);
        act(&rig, rows[i].steps, countof(rows[i].steps));
        check(&rig, rows[i].what, rows[i].alert, rows[i].left);
        rig_close(&rig);
    }
    rig_end(&rig);
}

static const struct promised one_promise[] = {{1, ANYWHERE, false}, {0, 0, false}};
static const struct step not_there[] = {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR)};

/* A world in which it was promised and is not there. */
static void rig_broken(struct rig *rig)
{
    rig_start(rig);
    rig_world(rig);
    make_final(rig, one_promise);
    act(rig, not_there, countof(not_there));
}

/* Told once, also by one who died before he noted that he had, and whatever became of the alert. */
static void once(void **state)
{
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    assert_int_equal(look(&rig).raised, 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    storetest_run(rig.test.dsn,
                  "UPDATE alert SET state = 'acked'; UPDATE outbox SET state = 'sent', sent_at = now();"
                  " UPDATE sct_look SET looks = 0, told = false");
    assert_int_equal(look(&rig).raised, 0);
    put(&rig, &(struct step)FINAL(0));
    sign_head(&rig, 0, 40 * HOUR);
    assert_int_equal(look(&rig).raised, 0);
    storetest_text(rig.test.dsn, "SELECT state || jsonb_array_length(findings) FROM alert", "acked1");
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 0);
    rig_close(&rig);
    rig_end(&rig);
}

/* Killed between the alert and the note of the look, and the entry comes before the next one: it is closed,
 * and whoever was told is told that. */
static void killed_before_the_note(void **state)
{
    static const struct step comes[] = {PRE(0, 0), HEAD(0, 40 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    storetest_run(
        rig.test.dsn,
        "CREATE FUNCTION killed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION"
        " ''killed'' USING ERRCODE = ''admin_shutdown''; END'; CREATE TRIGGER killed BEFORE UPDATE OF"
        " looks ON sct_look FOR EACH ROW EXECUTE FUNCTION killed()");
    struct promise_report report;
    struct err why = {0};
    assert_int_not_equal(promise_look(rig.conn, 100, INT64_MAX / 2, NULL, &report, &why), ERR_OK);
    check(&rig, "killed", "high sct_not_incorporated sct 1 new", 1);
    storetest_run(rig.test.dsn,
                  "DROP TRIGGER killed ON sct_look;"
                  " UPDATE alert SET state = 'notified'; UPDATE outbox SET state = 'sent', sent_at = now()");
    pgconn_free(rig.conn);
    assert_int_equal(pgconn_open(rig.test.dsn, &rig.conn, NULL), ERR_OK);
    act(&rig, comes, countof(comes));
    check(&rig, "the entry came", "high sct_not_incorporated sct 1 closed", 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    storetest_text(rig.test.dsn, "SELECT event FROM alert", "withdrawn");
    rig_close(&rig);
    rig_end(&rig);
}

/* The finding says which log, which time, until when; the alert where the certificate was seen. */
static void says_which(void **state)
{
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    (void)look(&rig);
    storetest_text(rig.test.dsn, "SELECT findings->0->>'expected' FROM alert",
                   "an entry in log log 1, by its SCT of 2026-09-21T14:13:20.000Z, by 2026-09-22T14:13:20Z");
    storetest_text(rig.test.dsn,
                   "SELECT string_agg(log || ':' || idx || ':' || form, ' ') FROM alert_sighting",
                   "2:0:final");
    rig_close(&rig);
    rig_end(&rig);
}

static void tell(struct rig *rig)
{
    storetest_run(rig->test.dsn,
                  "UPDATE alert SET state = 'notified'; UPDATE outbox SET state = 'sent', sent_at = now()");
}

/* What a log of indices has in the place, and that it is no news when that is known later. */
static void says_what_is_at_its_index(void **state)
{
    static const struct promised at[] = {{1, 2, false}, {0, 0, false}};
    static const struct step before[] = {OTHER(0), OTHER(0), FINAL(1), HEAD(0, 30 * HOUR), LOOK};
    static const struct step after[] = {OTHER(0), HEAD(0, 40 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    make_final(&rig, at);
    act(&rig, before, countof(before));
    storetest_text(
        rig.test.dsn, "SELECT split_part(findings->0->>'found', ' (log_id:', 1) FROM alert",
        "the tree that it signed after its merge delay ends before that place: log log 1, as entry 2,"
        " by its SCT of 2026-09-21T14:13:20.000Z");
    tell(&rig);
    act(&rig, after, countof(after));
    check(&rig, "read later", "high sct_not_incorporated sct 2 notified", 1);
    storetest_text(rig.test.dsn, "SELECT split_part(findings->1->>'found', ': ', 1) FROM alert",
                   "that place was read and verified, and another entry is there");
    rig_close(&rig);
    rig_end(&rig);
}

/* Another log that breaks its word is news. */
static void the_second_log_is_told(void **state)
{
    static const struct promised two[] = {{1, ANYWHERE, false}, {2, ANYWHERE, false}, {0, 0, false}};
    static const struct step first[] = {FINAL(0), OTHER(1), HEAD(0, 30 * HOUR), LOOK};
    static const struct step second[] = {HEAD(1, 30 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    make_final(&rig, two);
    act(&rig, first, countof(first));
    check(&rig, "the first", "high sct_not_incorporated sct 1 new", 1);
    tell(&rig);
    act(&rig, second, countof(second));
    check(&rig, "the second", "high sct_not_incorporated sct 2 new", 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM outbox WHERE state = 'pending'", 2);
    rig_close(&rig);
    rig_end(&rig);
}

/* SCTs of nobody, and the same one again and again, do not hide those behind them. */
static void junk_in_front(void **state)
{
    struct sctmill_sct scts[3];
    uint8_t issuer[32];
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    issuances_hash("issuer", 1, issuer);
    for (int i = 0; i < 3; i++) {
        int log = 2 - i;
        scts[i] = (struct sctmill_sct){.key = rig.key[log],
                                       .timestamp_ms = T0,
                                       .leaf_index = ANYWHERE,
                                       .broken = log != 0,
                                       .more = log != 0 ? LIMIT_SCTS : 0};
        memcpy(scts[i].log_id, rig.log[log].log_id, 32);
    }
    sctmill_final(&rig.final, "x1.test", issuer, scts, 3);
    act(&rig, not_there, countof(not_there));
    assert_int_equal(look(&rig).raised, 1);
    check(&rig, "junk", "high sct_not_incorporated sct 1 new", 1);
    rig_close(&rig);
    rig_end(&rig);
}

/* What else was found about the same certificate stays when the entry comes. */
static void other_findings_stay(void **state)
{
    static const struct step comes[] = {LOOK, PRE(0, 0), HEAD(0, 40 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    storetest_run(
        rig.test.dsn,
        "INSERT INTO alert (domain, domain_name, kind, severity, name, tbs_fp, findings, first_seen)"
        " SELECT 1, 'x1.test', 'unexpected_ca', 'high', 'x1.test', tbs_fp, '[{\"kind\": \"unexpected_ca\","
        " \"rule\": \"allow_ca\", \"severity\": \"high\", \"expected\": \"a\", \"found\": \"b\"}]', now()"
        " FROM sct_look");
    act(&rig, comes, 1);
    check(&rig, "both", "high unexpected_ca allow_ca 2 new", 1);
    act(&rig, comes + 1, countof(comes) - 1);
    check(&rig, "the other one", "high unexpected_ca allow_ca 1 new", 0);
    rig_close(&rig);
    rig_end(&rig);
}

/* The pause doubles, up to a day while a log of it is followed and a month else, and ends with the
 * certificate.
 */
static void pauses(void **state)
{
    static const struct promised nobody[] = {{1 + NOBODY, ANYWHERE, false}, {0, 0, false}};
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    for (int i = 0; i < 3; i++)
        (void)look(&rig);
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM sct_look WHERE looks = 3 AND due_at BETWEEN now() + interval '3 min'"
              " AND now() + interval '4 min'",
              1);
    storetest_run(rig.test.dsn, "UPDATE sct_look SET looks = 90");
    (void)look(&rig);
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM sct_look WHERE due_at BETWEEN now() + interval '23 h' AND now() + "
              "interval '24 h'",
              1);
    storetest_run(rig.test.dsn, "UPDATE sct_look SET not_after = now()");
    (void)look(&rig);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look", 0);
    put(&rig, &(struct step)FINAL(1));
    storetest_run(rig.test.dsn, "UPDATE sct_look SET looks = 90; UPDATE log SET followed = false");
    (void)look(&rig);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look WHERE due_at > now() + interval '29 days'", 1);
    storetest_run(rig.test.dsn, "DELETE FROM sct_look");
    make_final(&rig, nobody);
    put(&rig, &(struct step)FINAL(1));
    storetest_run(rig.test.dsn, "UPDATE sct_look SET looks = 90");
    (void)look(&rig);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look WHERE due_at > now() + interval '29 days'", 1);
    rig_close(&rig);
    rig_end(&rig);
}

/* Bytes that are no certificate, or none with SCTs, promise nothing; one that can not be told of goes behind.
 */
static void odd_ones(void **state)
{
    struct promise_report report;
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    storetest_run(
        rig.test.dsn,
        "INSERT INTO sct_look (sha256, tbs_fp, not_after, der) SELECT sha256(x), sha256(x),"
        " now() + interval '1 day', x FROM unnest(ARRAY['', 'junk', decode('3003020101', 'hex')]) AS x;"
        "UPDATE sct_look SET der = substring(der FOR length(der) - 40) || 'x'"
        " WHERE length(der) > 100; UPDATE sct_look SET due_at = now()");
    assert_int_equal(promise_look(rig.conn, 100, 0, NULL, &report, NULL), ERR_OK);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look", 3); /* one, when there is no time */
    assert_int_equal(look(&rig).raised, 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look", 0);
    put(&rig, &(struct step)FINAL(1));
    storetest_run(rig.test.dsn,
                  "CREATE FUNCTION no_alert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION"
                  " ''no''; END'; CREATE TRIGGER no_alert BEFORE INSERT ON alert FOR EACH ROW"
                  " EXECUTE FUNCTION no_alert()");
    assert_int_equal(look(&rig).raised, 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_look WHERE looks = 1 AND due_at > now()", 1);
    storetest_run(rig.test.dsn, "DROP TRIGGER no_alert ON alert");
    assert_int_equal(look(&rig).raised, 1);
    rig_close(&rig);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(once),
        cmocka_unit_test(killed_before_the_note),
        cmocka_unit_test(says_which),
        cmocka_unit_test(says_what_is_at_its_index),
        cmocka_unit_test(the_second_log_is_told),
        cmocka_unit_test(junk_in_front),
        cmocka_unit_test(other_findings_stay),
        cmocka_unit_test(pauses),
        cmocka_unit_test(odd_ones),
    };
    return storetest_main(tests, countof(tests), "promise");
}
