/* Accounts of logs that contradict themselves, and the alerts of them. */
#include "base/limits.h"
#include "tests/fixture/storetest.h"

struct fixture {
    struct storetest test;
    struct store *store;
    struct err why;
};

static void fixture_start(struct fixture *fix)
{
    *fix = (struct fixture){0};
    storetest_new(&fix->test);
    fix->store = storetest_open(fix->test.dsn);
}

static void check_ok(const struct fixture *fix, enum err_code code)
{
    if (code != ERR_OK)
        fail_msg("%s", fix->why.text);
}

static void tell(struct fixture *fix, const char *kind, uint64_t begin, uint64_t end, uint8_t root,
                 const char *sentence)
{
    struct store_evidence evidence = {.log_id = 1,
                                      .kind = kind,
                                      .begin = begin,
                                      .end = end,
                                      .head = {.size = end},
                                      .other = {.size = end, .root = {0xee}},
                                      .json = SPAN_LIT("{}"),
                                      .path = kind,
                                      .sentence = sentence};
    memset(evidence.head.root, root, 32);
    check_ok(fix, fix->store->ops->inconsistent(fix->store, &evidence, &fix->why));
}

static bool room_for(struct fixture *fix, const char *kind, uint64_t begin, uint8_t root)
{
    struct store_evidence evidence = {.log_id = 1,
                                      .kind = kind,
                                      .begin = begin,
                                      .head = {.size = begin},
                                      .other = {.size = begin, .root = {0xee}}};
    bool any = false;
    memset(evidence.head.root, root, 32);
    check_ok(fix, fix->store->ops->account_room(fix->store, &evidence, &any, &fix->why));
    return any;
}

static bool room(struct fixture *fix, const char *kind, uint64_t begin)
{
    return room_for(fix, kind, begin, 7);
}

static const char rules_sql[] = "SELECT string_agg((SELECT string_agg(f->>'rule', ' ') FROM "
                                "jsonb_array_elements(findings) AS f), ', ' ORDER BY id) FROM alert";

/* One wrong byte shows itself in a tile and in a root; a fork in one head after the other. */
static void one_incident_is_one_alert(void **state)
{
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    tell(&fix, "root_mismatch", 0, 500, 1, "a root");
    check_sql(dsn, "SELECT count(*) FROM outbox", 2);
    tell(&fix, "bad_tile", 256, 512, 0, "a tile");
    storetest_text(dsn, rules_sql, "bad_tile root_mismatch");
    storetest_text(dsn, "SELECT findings->0->>'found' || ', ' || (findings->0->>'expected') FROM alert",
                   "a tile, one history that only grows");
    /* Heads that came while entries do not fit, and the other way round. */
    tell(&fix, "fork", 700, 700, 7, "a fork");
    tell(&fix, "fork", 710, 710, 8, "a fork again");
    tell(&fix, "shrunk_head", 900, 900, 9, "a smaller one");
    storetest_text(dsn, rules_sql, "fork fork shrunk_head bad_tile root_mismatch");
    tell(&fix, "root_mismatch", 600, 710, 8, "the root of a fork");
    storetest_text(dsn, rules_sql, "fork fork shrunk_head bad_tile root_mismatch root_mismatch");
    tell(&fix, "bad_signature", 900, 900, 8, "a signature");
    tell(&fix, "unproven_head", 910, 910, 8, "unproven");
    storetest_text(
        dsn, "SELECT string_agg(severity || ' ' || (findings->0->>'rule'), ', ' ORDER BY id) FROM alert",
        "critical fork, critical bad_signature, high unproven_head");
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE alert IS NOT NULL", 8);
    check_sql(dsn, "SELECT count(*) FROM outbox", 6);
    /* Nobody hears of it twice, and the alert shows the file of the account that it speaks of. */
    check_sql(dsn, "SELECT count(*) FROM alert WHERE event <> 'new'", 0);
    fix.store->ops->free(fix.store);
}

/* What somebody has dealt with, and what is over, is not what comes then. */
static void another_incident_is_another_alert(void **state)
{
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    tell(&fix, "fork", 700, 700, 7, "a fork");
    storetest_run(dsn, "UPDATE alert SET state = 'notified'");
    tell(&fix, "fork", 710, 710, 8, "seen again");
    check_sql(dsn, "SELECT count(*) FROM alert", 1);
    storetest_run(dsn, "UPDATE alert SET state = 'acked'");
    tell(&fix, "fork", 720, 720, 9, "and once more");
    tell(&fix, "fork", 730, 730, 9, "and again");
    storetest_text(dsn, rules_sql, "fork fork, fork fork");
    /* Long after. */
    storetest_run(dsn, "UPDATE evidence SET created_at = now() - interval '25 hours'");
    /* A root that did not fit, and now does. */
    tell(&fix, "root_mismatch", 800, 810, 1, "a root");
    storetest_run(dsn, "INSERT INTO log_head (log, size, root, timestamp, raw, verified)"
                       " VALUES (1, 900, sha256(''), now(), '', true);"
                       "UPDATE log_range SET range_begin = 900, next = 900, verified = 900 WHERE log = 1");
    tell(&fix, "root_mismatch", 1000, 1010, 2, "another root");
    tell(&fix, "bad_tile", 1024, 1280, 0, "another tile");
    storetest_text(dsn, rules_sql, "fork fork, fork fork, root_mismatch, bad_tile root_mismatch");
    /* The same account again is none. */
    tell(&fix, "root_mismatch", 800, 810, 1, "a root");
    check_sql(dsn, "SELECT count(*) FROM alert", 4);
    fix.store->ops->free(fix.store);
}

/* A fork that the log shows and takes back again: first the entries do not give its head, and when all is
 * well its head is none of the tree. And a log that was replaced by another one of the same key. */
static void a_fork_that_is_taken_back_is_one_incident(void **state)
{
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    storetest_run(
        dsn,
        "INSERT INTO log_head (log, size, root, timestamp, raw)"
        " SELECT 1, 500 + n, decode(repeat('0' || n, 32), 'hex'), now(), '' FROM generate_series(1, 4) n");
    tell(&fix, "root_mismatch", 400, 501, 1, "a root");
    storetest_run(dsn, "UPDATE log_range SET next = 600, verified = 600 WHERE log = 1;"
                       "INSERT INTO log_head (log, size, root, timestamp, raw, verified)"
                       " VALUES (1, 600, sha256(''), now(), '', true)");
    check_sql(dsn, "SELECT count(*) FROM evidence_open", 0);
    /* One that came when the other did; and the same one, much later. */
    tell(&fix, "shrunk_head", 600, 600, 2, "not of the tree");
    storetest_text(dsn, rules_sql, "shrunk_head root_mismatch");
    storetest_run(
        dsn, "UPDATE evidence SET created_at = created_at - interval '9 days';"
             "UPDATE log_head SET seen_at = seen_at - interval '9 days' WHERE NOT verified AND size < 504;"
             "UPDATE alert SET state = 'notified'; DELETE FROM evidence WHERE kind = 'shrunk_head'");
    tell(&fix, "shrunk_head", 600, 600, 1, "that head itself");
    storetest_text(dsn, rules_sql, "shrunk_head root_mismatch");
    storetest_run(dsn, "DELETE FROM evidence WHERE kind = 'shrunk_head'");
    tell(&fix, "shrunk_head", 600, 600, 3, "one of that time");
    storetest_text(dsn, rules_sql, "shrunk_head root_mismatch");
    /* A head of today is another matter, when what was before is over. */
    storetest_run(dsn, "DELETE FROM evidence WHERE kind = 'shrunk_head'");
    tell(&fix, "shrunk_head", 700, 700, 4, "another day");
    check_sql(dsn, "SELECT count(*) FROM alert", 2);
    /* Where the heads contradict each other the entries do not fit either, weeks later. */
    storetest_run(dsn, "UPDATE evidence SET created_at = created_at - interval '9 days';"
                       "UPDATE log_head SET seen_at = seen_at - interval '9 days'");
    tell(&fix, "root_mismatch", 700, 705, 9, "entries behind it");
    check_sql(dsn, "SELECT count(*) FROM alert", 2);
    tell(&fix, "root_mismatch", 900, 905, 8, "entries elsewhere");
    check_sql(dsn, "SELECT count(*) FROM alert", 2); /* the last one lasts */
    storetest_run(dsn, "UPDATE alert SET state = 'acked'");
    tell(&fix, "root_mismatch", 910, 915, 7, "dealt with");
    check_sql(dsn, "SELECT count(*) FROM alert", 3);
    fix.store->ops->free(fix.store);
}

/* Who was told that entries do not fit is told that the log signed two histories, once. */
static void what_is_graver_is_told_again(void **state)
{
    static const char waits[] = "SELECT count(*) FROM outbox WHERE state = 'pending' AND channel = 'soc'";
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    storetest_run(dsn, "INSERT INTO channel (name) VALUES ('soc') ON CONFLICT DO NOTHING");
    tell(&fix, "root_mismatch", 400, 501, 1, "a root");
    check_sql(dsn, waits, 1);
    storetest_run(dsn,
                  "UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'notified'");
    tell(&fix, "root_mismatch", 420, 511, 2, "the same elsewhere");
    check_sql(dsn, waits, 0);
    tell(&fix, "fork", 400, 520, 3, "two roots");
    check_sql(dsn, "SELECT count(*) FROM alert", 1);
    check_sql(dsn, waits, 1);
    storetest_text(dsn, "SELECT event || ' ' || state FROM alert", "escalated new");
    storetest_run(dsn,
                  "UPDATE outbox SET state = 'sent', sent_at = now(); UPDATE alert SET state = 'notified'");
    tell(&fix, "fork", 420, 530, 4, "two more");
    tell(&fix, "bad_tile", 421, 530, 5, "a tile");
    check_sql(dsn, waits, 0);
    fix.store->ops->free(fix.store);
}

/* When a log is well again, the account says when and by what. */
static void what_is_over_is_noted(void **state)
{
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    struct store_range range;
    struct compact compact;
    fixture_start(&fix);
    storetest_run(dsn, "UPDATE log_range SET next = 100, verified = 0 WHERE log = 1");
    tell(&fix, "root_mismatch", 0, 90, 1, "a root");
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE over_at IS NOT NULL", 0);
    storetest_take(fix.store, 1, &range);
    storetest_compact(&compact, 100);
    struct store_settle settle = {
        .range = &range,
        .next = 100,
        .has_verified = true,
        .verified = &compact,
        .verified_head = {.size = 100, .root = {1}, .timestamp_ms = ISSUANCES_T0, .raw = SPAN_LIT("raw")}};
    check_ok(&fix, fix.store->ops->head(fix.store, 1, &settle.verified_head, &(bool){false}, NULL, &fix.why));
    check_ok(&fix, fix.store->ops->verified(fix.store, &settle, &fix.why));
    storetest_text(dsn, "SELECT state FROM log WHERE id = 1", "active");
    storetest_text(
        dsn, "SELECT over_by FROM evidence WHERE over_at <= now() AND over_at > now() - interval '1 minute'",
        "the log serves entries that give its signed root of size 100, and all that is stored of them is"
        " verified");
    storetest_text(
        dsn, "SELECT kind || coalesce(over_at, '') ~ '^root_mismatch20.*Z$' FROM evidence_accounts(1, 9)",
        "t");
    /* And when it is not over after all, nor is the note of it. */
    storetest_run(dsn, "UPDATE log_range SET verified = 0 WHERE log = 1; SELECT evidence_over(1::int2)");
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE over_at IS NULL AND over_by IS NULL", 1);
    /* Beside a fork, which is never over, it is noted all the same. */
    tell(&fix, "fork", 80, 80, 9, "two roots");
    storetest_run(dsn, "UPDATE log_range SET verified = 100 WHERE log = 1");
    settle.verified_head.size = 101;
    check_ok(&fix, fix.store->ops->head(fix.store, 1, &settle.verified_head, &(bool){false}, NULL, &fix.why));
    storetest_text(dsn, "SELECT state FROM log WHERE id = 1", "inconsistent");
    storetest_text(dsn, "SELECT string_agg(kind, ' ') FROM evidence WHERE over_at IS NOT NULL",
                   "root_mismatch");
    /* Another head of the same size says nothing of the one that was not proven. */
    tell(&fix, "unproven_head", 100, 300, 5, "a head");
    storetest_run(dsn, "INSERT INTO log_head (log, size, root, timestamp, raw, verified)"
                       " VALUES (1, 300, sha256('another'), now(), '', true); SELECT evidence_over(1::int2)");
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE kind = 'unproven_head' AND over_at IS NULL", 1);
    storetest_run(dsn, "DELETE FROM evidence WHERE kind IN ('fork', 'unproven_head');"
                       "UPDATE log_range SET verified = 0 WHERE log = 1; SELECT evidence_over(1::int2)");
    /* One with a proof is named first. */
    storetest_run(dsn, "UPDATE evidence SET proof = 'nothing'");
    tell(&fix, "bad_tile", 0, 256, 1, "a tile");
    storetest_run(dsn, "UPDATE evidence SET proof = 'served' WHERE kind = 'bad_tile'");
    storetest_text(dsn, "SELECT string_agg(kind, ' ') FROM evidence_accounts(1, 9)",
                   "bad_tile root_mismatch");
    storetest_run(dsn, "UPDATE evidence SET proof = 'signed' WHERE kind = 'root_mismatch'");
    storetest_text(dsn, "SELECT string_agg(kind, ' ') FROM evidence_accounts(1, 9)",
                   "root_mismatch bad_tile");
    fix.store->ops->free(fix.store);
}

/* What comes when no more accounts are kept, and those that are kept are dealt with, is told all the same. */
static void a_flood_hides_nothing(void **state)
{
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    for (uint64_t i = 0; i < LIMIT_ACCOUNTS_HOUR; i++)
        tell(&fix, "root_mismatch", 100 * i, 100 * i + 50, 1, "a root");
    check_sql(dsn, "SELECT count(*) FROM alert", 1);
    /* All of it heals. */
    storetest_run(dsn, "INSERT INTO log_head (log, size, root, timestamp, raw, verified)"
                       " VALUES (1, 5000, sha256(''), now(), '', true);"
                       "UPDATE log_range SET next = 5000, verified = 5000 WHERE log = 1");
    check_sql(dsn, "SELECT count(*) FROM evidence_open", 0);
    for (int i = 0; i < 5; i++)
        assert_false(room(&fix, "root_mismatch", 5000));
    check_sql(dsn, "SELECT count(*) FROM evidence", LIMIT_ACCOUNTS_HOUR);
    storetest_text(dsn, "SELECT string_agg(findings->0->>'rule', ' ' ORDER BY id) FROM alert",
                   "root_mismatch flood");
    check_sql(dsn, "SELECT count(*) FROM outbox", 4);
    check_sql(dsn, "SELECT accounts_over FROM log WHERE id = 1", 5);
    fix.store->ops->free(fix.store);
}

/* Thousands of heads: a few accounts, one alert that says how many there were, and no kind hides another. */
static void a_flood_is_counted(void **state)
{
    (void)state;
    struct fixture fix;
    char expected[128];
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    for (uint64_t i = 0; i < 300; i++)
        if (room(&fix, "fork", 1000 + i))
            tell(&fix, "fork", 1000 + i, 1000 + i, 7, "a fork");
    check_sql(dsn, "SELECT count(*) FROM evidence", LIMIT_ACCOUNTS_HOUR);
    check_sql(dsn, "SELECT count(*) FROM alert", 1);
    check_sql(dsn, "SELECT count(*) FROM outbox", 2);
    (void)snprintf(expected, sizeof expected, "%d more of it within an hour were counted and not kept",
                   300 - LIMIT_ACCOUNTS_HOUR);
    storetest_text(dsn, "SELECT findings->-1->>'found' FROM alert", expected);
    check_sql(dsn, "SELECT jsonb_array_length(findings) FROM alert", LIMIT_ACCOUNTS_HOUR + 1);
    /* What is there already is neither told again nor counted. */
    assert_false(room(&fix, "fork", 1000));
    storetest_text(dsn, "SELECT findings->-1->>'found' FROM alert", expected);
    assert_true(room(&fix, "bad_tile", 0));
    assert_true(room(&fix, "unproven_head", 0));
    check_sql(dsn, "SELECT accounts_over FROM log WHERE id = 1", 300 - LIMIT_ACCOUNTS_HOUR);
    check_sql(dsn, "SELECT accounts_over FROM log WHERE id = 2", 0);
    /* The log is not well because the account of it is not kept. */
    storetest_run(dsn, "UPDATE log SET state = 'active'");
    assert_false(room(&fix, "fork", 5000));
    storetest_text(dsn, "SELECT state FROM log WHERE id = 1", "inconsistent");
    /* An hour later. */
    storetest_run(dsn, "UPDATE evidence SET created_at = now() - interval '61 minutes'");
    assert_true(room(&fix, "fork", 5001));
    fix.store->ops->free(fix.store);
}

/* What is only suspicious is told less loudly, and nobody is called inconsistent for it. */
static void an_unproven_head_is_told_and_accuses_nobody(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    struct store_evidence evidence = {.log_id = 1,
                                      .kind = "unproven_head",
                                      .begin = 10,
                                      .end = 10,
                                      .json = SPAN_LIT("{}"),
                                      .path = "",
                                      .sentence = "not proven"};
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    storetest_text(fix.test.dsn, "SELECT severity FROM alert", "high");
    storetest_text(fix.test.dsn, "SELECT state FROM log WHERE id = 1", "active");
    check_sql(fix.test.dsn, "SELECT count(*) FROM evidence_open", 1);
    storetest_run(fix.test.dsn, "INSERT INTO log_head (log, size, root, timestamp, raw, verified)"
                                " VALUES (1, 10, sha256(''), now(), '', true)");
    check_sql(fix.test.dsn, "SELECT count(*) FROM evidence_open", 0);
    fix.store->ops->free(fix.store);
}

static void a_contradiction_is_told_once(void **state)
{
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    struct store_evidence evidence = {
        .log_id = 1,
        .kind = "root_mismatch",
        .begin = 10,
        .end = 50,
        .json = SPAN_LIT("{\"body\":\"nul \\u0000 in it\"}"),
        .path = "/var/lib/x",
        .sentence = "the root is another one\x1b[31m; DROP TABLE alert",
    };
    for (int i = 0; i < 2; i++)
        check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    check_sql(fix.test.dsn, "SELECT count(*) FROM evidence", 1);
    check_sql(fix.test.dsn,
              "SELECT count(*) FROM alert WHERE kind = 'log_inconsistent' AND severity = 'critical'"
              " AND log = 1 AND domain IS NULL",
              1);
    check_sql(fix.test.dsn, "SELECT count(*) FROM outbox", 2);
    storetest_text(fix.test.dsn, "SELECT findings->0->>'found' FROM alert",
                   "the root is another one\\x1b[31m; DROP TABLE alert");
    storetest_text(fix.test.dsn, "SELECT state FROM log WHERE id = 1", "inconsistent");
    evidence.begin = 60;
    evidence.json = SPAN_LIT("{\"plain\":1}");
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    check_sql(fix.test.dsn, "SELECT count(*) FROM alert", 1);
    check_sql(fix.test.dsn, "SELECT count(*) FROM evidence WHERE account->>'plain' = '1'", 1);
    /* A head above the suspect ranges that fits makes the log well; a fork never heals. */
    static const struct {
        const char *kind;
        const char *state;
    } rows[] = {{"root_mismatch", "active"},
                {"bad_tile", "active"},
                {"unproven_head", "active"},
                {"fork", "inconsistent"}};
    for (size_t i = 0; i < countof(rows); i++) {
        struct store_range range;
        struct compact compact;
        evidence.kind = rows[i].kind;
        check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
        storetest_run(fix.test.dsn, "UPDATE log SET state = 'inconsistent' WHERE id = 1;"
                                    "UPDATE log_range SET next = 100, verified = 0 WHERE log = 1");
        storetest_take(fix.store, 1, &range);
        storetest_compact(&compact, 100);
        struct store_settle settle = {
            .range = &range,
            .next = 100,
            .has_verified = true,
            .verified = &compact,
            .verified_head = {
                .size = 100, .root = {1}, .timestamp_ms = ISSUANCES_T0, .raw = SPAN_LIT("raw")}};
        check_ok(&fix, fix.store->ops->verified(fix.store, &settle, &fix.why));
        storetest_text(fix.test.dsn, "SELECT state FROM log WHERE id = 1", rows[i].state);
    }
    fix.store->ops->free(fix.store);
}

/* A log that does not grow contradicts itself at one and the same place: each head is told once, and the next
 * one also after somebody dealt with those before. */
static void another_head_at_the_same_place_is_told(void **state)
{
    static const char *const kinds[] = {"shrunk_head", "fork", "unproven_head"};
    (void)state;
    struct fixture fix;
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    for (unsigned i = 0; i < countof(kinds); i++) {
        for (uint8_t root = 1; root <= 3; root++) {
            assert_true(room_for(&fix, kinds[i], 700, root));
            tell(&fix, kinds[i], 700, 700, root, "a head");
            assert_false(room_for(&fix, kinds[i], 700, root));
            tell(&fix, kinds[i], 700, 700, root, "a head");
            check_sql(dsn, "SELECT count(*) FROM evidence", 3 * i + root);
            check_sql(dsn, "SELECT count(*) FROM alert", 2 * i + (root == 1 ? 1 : 2));
            if (root == 1)
                storetest_run(dsn, "UPDATE alert SET state = 'acked'");
        }
        storetest_run(dsn, "UPDATE alert SET state = 'acked'");
        for (uint8_t root = 1; root <= 3; root++) {
            tell(&fix, kinds[i], 700, 700, root, "a head");
            assert_false(room_for(&fix, kinds[i], 700, root));
        }
        check_sql(dsn, "SELECT count(*) FROM alert", 2 * (i + 1));
    }
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE alert IS NULL", 0);
    check_sql(dsn, "SELECT accounts_over FROM log WHERE id = 1", 0);
    /* The same two heads the other way round, and two that are both named already, are nothing new. */
    struct store_evidence again = {.log_id = 1,
                                   .kind = "fork",
                                   .begin = 700,
                                   .end = 700,
                                   .head = {.size = 700, .root = {0xee}},
                                   .other = {.size = 700},
                                   .json = SPAN_LIT("{}"),
                                   .path = "",
                                   .sentence = "a head"};
    memset(again.other.root, 2, 32);
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &again, &fix.why));
    memset(again.head.root, 3, 32);
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &again, &fix.why));
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE kind = 'fork'", 3);
    /* Entries that do not fit do so with every later head. */
    tell(&fix, "root_mismatch", 700, 710, 4, "a root");
    tell(&fix, "root_mismatch", 700, 720, 5, "a root");
    assert_false(room_for(&fix, "root_mismatch", 700, 6));
    check_sql(dsn, "SELECT count(*) FROM evidence WHERE kind = 'root_mismatch'", 1);
    fix.store->ops->free(fix.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unproven_head_is_told_and_accuses_nobody),
        cmocka_unit_test(a_contradiction_is_told_once),
        cmocka_unit_test(one_incident_is_one_alert),
        cmocka_unit_test(a_fork_that_is_taken_back_is_one_incident),
        cmocka_unit_test(what_is_graver_is_told_again),
        cmocka_unit_test(what_is_over_is_noted),
        cmocka_unit_test(another_incident_is_another_alert),
        cmocka_unit_test(another_head_at_the_same_place_is_told),
        cmocka_unit_test(a_flood_hides_nothing),
        cmocka_unit_test(a_flood_is_counted),
    };
    return storetest_main(tests, countof(tests), "store_incident");
}
