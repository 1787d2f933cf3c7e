/* What SCTs promise, and when somebody is told that it was not kept. */
#include "watcher/promise.h"

#include "tests/fixture/sctraw.h"

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
    {"nor is one with the poison of the precertificate in an entry for final ones",
     ONE,
     {FINAL(1), POISONED(0, 0), HEAD(0, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"nor does it take back what was told",
     ONE,
     {FINAL(1), OTHER(0), HEAD(0, 30 * HOUR), LOOK, POISONED(0, 0), HEAD(0, 40 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"with the poison at its index",
     AT(1),
     {OTHER(0), POISONED(0, 0), FINAL(1), HEAD(0, HOUR), LOOK},
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
    {"another one of the same 64 bits in its place",
     ONE,
     {FINAL(1), ALIKE(0, 0), HEAD(0, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"another one of the same 64 bits, at another time",
     ONE,
     {FINAL(1), ALIKE(0, 300), HEAD(0, 30 * HOUR), LOOK},
     "high sct_not_incorporated sct 1 new",
     1},
    {"which of two of the same 64 bits it is, nobody can say",
     ONE,
     {FINAL(1), ALIKE(1, 0), ALIKE(0, 0), HEAD(0, 30 * HOUR), LOOK},
     NULL,
     1},
    {"of two of the same 64 bits it is the first",
     ONE,
     {PRE(0, 0), FINAL(1), ALIKE(1, 0), HEAD(0, 30 * HOUR), LOOK},
     NULL,
     0},
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

/* SCTs of nobody, and the same one again and again, do not hide those behind them. */
static void junk_in_front(void **state)
{
    struct sctmill_sct scts[LIMIT_SCTS + 2];
    uint8_t issuer[32];
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    issuances_hash("issuer", 1, issuer);
    for (size_t i = 0; i < countof(scts); i++) {
        int log = i < LIMIT_SCTS ? NOBODY : i == LIMIT_SCTS ? 1 : 0;
        scts[i] = (struct sctmill_sct){.key = rig.key[log],
                                       .timestamp_ms = log == NOBODY ? T0 + (int64_t)i : T0,
                                       .leaf_index = ANYWHERE,
                                       .broken = log == 1,
                                       .more = log == 1 ? LIMIT_SCTS : 0};
        memcpy(scts[i].log_id, rig.log[log].log_id, 32);
    }
    sctmill_final(&rig.final, "x1.test", issuer, scts, countof(scts));
    act(&rig, not_there, countof(not_there));
    assert_int_equal(look(&rig).raised, 1);
    check(&rig, "junk", "high sct_not_incorporated sct 1 new", 1);
    rig_close(&rig);
    rig_end(&rig);
}

static void make_forged(struct rig *rig)
{
    struct sctmill_sct scts[2 * LIMIT_SCTS_WALKED];
    uint8_t issuer[32];
    issuances_hash("issuer", 1, issuer);
    for (size_t i = 0; i < countof(scts); i++) {
        bool last = i + 1 == countof(scts);
        scts[i] = (struct sctmill_sct){.key = rig->key[0],
                                       .timestamp_ms = last ? T0 : T0 + (int64_t)i,
                                       .leaf_index = ANYWHERE,
                                       .broken = !last};
        memcpy(scts[i].log_id, rig->log[0].log_id, 32);
    }
    sctmill_final(&rig->final, "x1.test", issuer, scts, countof(scts));
}

/* Nor do SCTs of a known log that it never signed, however many. */
static void forged_in_front(void **state)
{
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    make_forged(&rig);
    act(&rig, not_there, countof(not_there));
    assert_int_equal(look(&rig).raised, 1);
    check(&rig, "forged", "high sct_not_incorporated sct 1 new", 1);
    rig_close(&rig);
    rig_end(&rig);
}

/* Nor do they once a log showed the certificate with a chain that proves nothing: then nobody can say of any
 * other SCT that it is not signed. */
static void forged_and_one_row_unknown(void **state)
{
    static const struct step unknown[] = {UNKNOWN(1)};
    struct rig rig;
    (void)state;
    for (int before = 0; before < 2; before++) {
        rig_start(&rig);
        rig_world(&rig);
        make_forged(&rig);
        act(&rig, not_there, countof(not_there));
        if (before != 0)
            act(&rig, unknown, countof(unknown));
        assert_int_equal(look(&rig).raised, 1);
        check(&rig, "forged", "high sct_not_incorporated sct 1 new", 1);
        if (before == 0)
            act(&rig, unknown, countof(unknown));
        tell(&rig);
        assert_int_equal(look(&rig).closed, 0);
        check(&rig, "forged, and unknown", "high sct_not_incorporated sct 1 notified", 1);
        rig_close(&rig);
        rig_end(&rig);
    }
}

/* That the log has the entry is said where it has, and of that promise alone. */
static void words_of_a_withdrawal(void **state)
{
    static const struct step first[] = {LOOK, PRE(0, 300), HEAD(0, 40 * HOUR), LOOK};
    static const struct step then[] = {PRE(0, 0), HEAD(0, 50 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_broken(&rig);
    act(&rig, first, countof(first));
    check(&rig, "another time", "low sct_not_incorporated sct_other 1 new", 1);
    storetest_text(rig.test.dsn, "SELECT reason FROM alert",
                   "withdrawn: what was told of the log's promise is replaced by what is known now");
    act(&rig, then, countof(then));
    check(&rig, "the entry came", "low sct_not_incorporated sct_other 1 closed", 0);
    storetest_text(rig.test.dsn, "SELECT reason FROM alert",
                   "withdrawn: by now the log has the entry that it promised");
    rig_close(&rig);
    rig_end(&rig);
}

/* A log that is read in two ways: one finding, whichever of the two says first that the entry is not there.
 */
static void one_log_in_two_ways(void **state)
{
    static const char twin[] = "UPDATE log SET log_id = (SELECT log_id FROM log WHERE id = 1),"
                               " key = (SELECT key FROM log WHERE id = 1) WHERE id = 2";
    static const struct step steps[] = {FINAL(1), OTHER(0),           HEAD(1, 30 * HOUR),
                                        LOOK,     HEAD(0, 30 * HOUR), LOOK};
    struct rig rig;
    (void)state;
    rig_start(&rig);
    rig_world(&rig);
    storetest_run(rig.test.dsn, twin);
    make_final(&rig, one_promise);
    act(&rig, steps, 4);
    check(&rig, "by the second", "high sct_not_incorporated sct 1 new", 1);
    tell(&rig);
    act(&rig, steps + 4, countof(steps) - 4);
    check(&rig, "by the first", "high sct_not_incorporated sct 1 notified", 1);
    rig_close(&rig);
    rig_end(&rig);
}

/* An entry that nobody could read is the promised one, or is not: a log that hides an entry must not get away
 * with one raw entry a day. */
static void a_raw_entry_is_it_or_not(void **state)
{
    static const struct {
        const char *what;
        int64_t index; /* promised */
        int64_t at;    /* where the raw entry is */
        int change;    /* of the promised leaf: which byte */
        bool verified;
        const char *alert;
        int left;
    } cases[] = {
        {"another, of that time", ANYWHERE, 1, -1, true, "high sct_not_incorporated sct 1 new", 1},
        {"another key", ANYWHERE, 1, 20, true, "high sct_not_incorporated sct 1 new", 1},
        {"it", ANYWHERE, 1, 0, true, NULL, 0},
        {"it, and nobody verified it", ANYWHERE, 1, 0, false, NULL, 1},
        {"another, at its place", 1, 1, -1, true, "high sct_not_incorporated sct 1 new", 1},
        {"it, at its place", 1, 1, 0, true, NULL, 0},
        {"it, elsewhere", 0, 1, 0, true, "low sct_not_incorporated sct_other 1 new", 1},
    };
    struct rig rig;
    struct buf leaf;
    (void)state;
    rig_start(&rig);
    buf_init(&leaf, 1u << 20);
    for (size_t i = 0; i < countof(cases); i++) {
        const struct promised promised[] = {{1, cases[i].index, false}, {0, 0, false}};
        static const struct step steps[] = {FINAL(1), OTHER(0), OTHER(0), HEAD(0, 30 * HOUR)};
        rig_world(&rig);
        make_final(&rig, promised);
        act(&rig, steps, countof(steps));
        buf_clear(&leaf);
        promised_leaf(&rig, &leaf);
        if (cases[i].change > 0)
            leaf.at[cases[i].change] ^= 1;
        keep_raw(&rig, cases[i].at, cases[i].change < 0 ? SPAN_LIT("\x09") : buf_span(&leaf));
        if (!cases[i].verified)
            storetest_run(rig.test.dsn, "UPDATE log_range SET verified = range_begin");
        (void)look(&rig);
        check(&rig, cases[i].what, cases[i].alert, cases[i].left);
        rig_close(&rig);
    }
    buf_fini(&leaf);
    rig_end(&rig);
}

/* Told, and then it is there after all, but could not be read. */
static void a_raw_entry_that_comes_late(void **state)
{
    struct rig rig;
    struct buf leaf;
    (void)state;
    rig_broken(&rig);
    (void)look(&rig);
    check(&rig, "told", "high sct_not_incorporated sct 1 new", 1);
    buf_init(&leaf, 1u << 20);
    promised_leaf(&rig, &leaf);
    keep_raw(&rig, 0, buf_span(&leaf));
    (void)look(&rig);
    check(&rig, "late", "high sct_not_incorporated sct 1 closed", 0);
    buf_fini(&leaf);
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
        "CREATE TEMP TABLE odd AS SELECT sha256(x) AS s, x FROM unnest(ARRAY['', 'junk',"
        " decode('3003020101', 'hex')]) AS x; INSERT INTO sct_look (sha256, tbs_fp, not_after) SELECT s, s,"
        " now() + interval '1 day' FROM odd; INSERT INTO sct_der SELECT s, x FROM odd;"
        "UPDATE sct_der SET der = substring(der FOR length(der) - 40) || 'x'"
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
        cmocka_unit_test(junk_in_front),
        cmocka_unit_test(forged_in_front),
        cmocka_unit_test(forged_and_one_row_unknown),
        cmocka_unit_test(words_of_a_withdrawal),
        cmocka_unit_test(a_raw_entry_is_it_or_not),
        cmocka_unit_test(a_raw_entry_that_comes_late),
        cmocka_unit_test(one_log_in_two_ways),
        cmocka_unit_test(other_findings_stay),
        cmocka_unit_test(pauses),
        cmocka_unit_test(odd_ones),
    };
    return storetest_main(tests, countof(tests), "promise");
}
