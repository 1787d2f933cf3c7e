/* Keys that become known by being used, from the first certificate to the first that is told of. */
#include "cli/learnkeeper.h"

#include "tests/fixture_cert.h"

#include "cli/caretaker.h"
#include "cli/domainapply.h"
#include "cli/trustset.h"
#include "db/db_domain.h"
#include "db/db_keylearn.h"

static struct fixture_db fixture;

/* fixture_tile_put shows entry k at this time and k seconds. */
#define FIRST_S INT64_C(1752346656)
#define KEYS    9

static void sql(const char *text)
{
    fixture_sql(fixture.db.conn, text);
}

static int64_t number(const char *text)
{
    int64_t value = -1;
    struct err why = {0};
    if (pgexec_number(fixture.db.conn, text, &PGEXEC_NO_ARGS, &value, &why) != ERR_OK)
        fail_msg("%s: %s", why.text, text);
    return value;
}

static void look(void)
{
    struct err why = {0};
    if (learnkeeper_look(fixture.db.dsn, fixture.db.conn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void rounds(void)
{
    struct err why = {0};
    if (caretaker_look(fixture.db.dsn, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void issue(int at, const char *names)
{
    fixture_cert_put(fixture.db.conn,
                     &(struct fixture_cert){.number = at, .names = names, .not_before = "2025-07-10"});
}

/* The key of certificate `at` is that of `other`. */
static void same_key(int at, int other)
{
    char text[256];
    char to[65];
    char from[65];
    uint8_t hash[2][32];
    fixture_hash("spki", other, hash[0]);
    fixture_hash("fp", at, hash[1]);
    (void)snprintf(text, sizeof text,
                   "UPDATE cert SET spki_sha256 = decode('%s', 'hex') WHERE tbs_fp = decode('%s', 'hex')",
                   text_hex(span_of(hash[0], 32), to), text_hex(span_of(hash[1], 32), from));
    sql(text);
}

/* The one that keeps all rules, so that the keys of those before `until` are learned. */
static void begin(const char *learn)
{
    char text[512];
    sql("DELETE FROM outbox; DELETE FROM alert; DELETE FROM domain; DELETE FROM cert; DELETE FROM cert_apex;"
        "DELETE FROM log_tile; DELETE FROM pair_look");
    (void)snprintf(text, sizeof text,
                   "INSERT INTO domain (name, kind, policy, history_at) VALUES ('example.test', 'dns',"
                   " '{\"keys\": {\"mode\": \"enforce\", \"learn\": %s}, \"expiry\": \"off\"}', now());"
                   "INSERT INTO domain_allow (domain, spki_sha256, label) SELECT id, sha256('ca'), 'spki:ca'"
                   " FROM domain",
                   learn);
    sql(text);
    fixture_tile_put(fixture.db.conn, 1, KEYS, FACTS_FORM_PRECERT, 20369);
}

/* Of 3 seconds: certificates 0, 1, 2 are in it. */
static const char *three(char out[128], bool over)
{
    char end[TEXT_TIME_MAX];
    (void)snprintf(out, 128, "{\"days\": 30, \"until\": \"%s\"%s}",
                   text_time((FIRST_S + 3) * 1000, false, end), over ? ", \"over\": true" : "");
    return out;
}

#define LEARNED "SELECT count(*) FROM domain, jsonb_array_elements(policy->'keys'->'learned')"
#define TOLD(fp)                                                                                             \
    "SELECT count(*) FROM alert WHERE kind = 'unexpected_key' AND severity = 'high' AND tbs_fp = "           \
    "sha256('fp " fp "')"

static void from_use_to_alert(void **state)
{
    char learn[128];
    (void)state;
    begin(three(learn, false));
    issue(0, "www.example.test");
    issue(1, "*.example.test"); /* told of, so its key is not known */
    issue(2, "mail.example.test");
    issue(3, "www.example.test"); /* too late */
    issue(4, "www.example.test");
    same_key(4, 0); /* known by then */
    issue(5, "www.example.test");
    same_key(5, 1);
    issue(6, "www.example.test other.example.test"); /* in a log nobody read */
    sql("UPDATE log_tile SET last_index = 5, fp8 = fp8[1:6], sha8 = sha8[1:6], info = substring(info FOR "
        "54)");
    rounds();
    assert_int_equal(number(LEARNED), 2);
    assert_int_equal(number(LEARNED " AS k WHERE decode(k->>'sha256', 'hex') IN (sha256('spki 0'),"
                                    " sha256('spki 2'))"),
                     2);
    assert_int_equal(number("SELECT count(*) FROM domain WHERE history_at IS NOT NULL AND policy #>>"
                            " '{keys,learn,over}' = 'true'"),
                     1);
    assert_int_equal(number(TOLD("3")), 1);
    assert_int_equal(number(TOLD("4")), 0);
    assert_int_equal(number(TOLD("5")), 1);
    assert_int_equal(number("SELECT count(*) FROM alert WHERE tbs_fp = sha256('fp 1') AND kind ="
                            " 'unexpected_wildcard' AND jsonb_array_length(findings) = 1"),
                     1); /* of its key nothing was asked */
    assert_int_equal(number("SELECT count(*) FROM alert WHERE tbs_fp = sha256('fp 3') AND"
                            " findings->0->>'expected' LIKE 'learned from what was issued: spki:%'"),
                     1);
    /* Done once. */
    int64_t generation = number("SELECT generation FROM domain_generation");
    rounds();
    assert_int_equal(number("SELECT generation FROM domain_generation"), generation);
    assert_int_equal(number(LEARNED), 2);
}

/* Keys that an alert is about are not learned, whatever rule it was; closed ones say nothing, nor does the
 * end of a certificate. */
static void nothing_that_was_told(void **state)
{
    static const struct {
        const char *alert; /* kind, severity, dedup, state */
        int64_t learned;
    } rows[] = {
        {"'weak_key', 'low', NULL, 'new'", 0},
        {"'unexpected_key', 'high', NULL, 'acked'", 0},
        {"'twin_serial', 'critical', NULL, 'notified'", 0},
        {"'unexpected_ca', 'high', NULL, 'closed'", 1},
        {"'expected_issuance', 'info', NULL, 'new'", 1},
        {"'expiring', 'high', 'expiry:1:a:b', 'new'", 1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char text[512];
        char learn[128];
        begin(three(learn, false));
        issue(0, "www.example.test");
        issue(1, "www.example.test"); /* another certificate of its key is not told of */
        same_key(1, 0);
        (void)snprintf(text, sizeof text,
                       "INSERT INTO alert (domain, tbs_fp, findings, issuance, first_seen, kind, severity,"
                       " dedup, state) SELECT id, sha256('fp 0'), '[]', jsonb_build_object('spki_sha256',"
                       " encode(sha256('spki 0'), 'hex')), now(), %s FROM domain",
                       rows[i].alert);
        sql(text);
        look();
        if (number(LEARNED) != rows[i].learned)
            fail_msg("%s: %" PRId64 " learned", rows[i].alert, number(LEARNED));
    }
}

/* Nothing before its time, and nothing of an issuer that is not allowed. */
static void in_its_time(void **state)
{
    char learn[128];
    char text[256];
    char end[TEXT_TIME_MAX];
    (void)state;
    (void)snprintf(learn, sizeof learn, "{\"days\": 30, \"until\": \"%s\"}",
                   text_time((number("SELECT extract(epoch FROM now())::int8") - 60) * 1000, false, end));
    begin(learn);
    issue(0, "www.example.test");
    look();
    assert_int_equal(number(LEARNED), 0);
    sql("UPDATE domain SET history_at = NULL");
    rounds();
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
    /* It begins when it is found to have no end. */
    begin("{\"days\": 5}");
    look();
    assert_int_equal(number("SELECT count(*) FROM domain WHERE (policy #>> '{keys,learn,until}')::timestamptz"
                            " BETWEEN now() + interval '4 days' AND now() + interval '6 days'"),
                     1);
    begin(three(learn, false));
    issue(0, "www.example.test");
    sql("UPDATE domain_allow SET spki_sha256 = sha256('another')");
    look();
    assert_int_equal(number(LEARNED), 0);
    assert_int_equal(number("SELECT count(*) FROM domain WHERE policy #>> '{keys,learn,over}' = 'true'"), 1);
    /* More than one group of them. */
    begin(three(learn, false));
    issue(0, "www.example.test");
    (void)snprintf(text, sizeof text,
                   "INSERT INTO domain (name, kind, policy) SELECT 'a' || n || '.example.test', 'dns', policy"
                   " FROM domain, generate_series(1, 70) AS n");
    sql(text);
    look();
    assert_int_equal(number(LEARNED), 1);
    assert_int_equal(number("SELECT count(*) FROM domain WHERE policy #>> '{keys,learn,over}' = 'true'"), 71);
}

/* A file does not know how far learning has come; what is changed begins anew and keeps what it has. */
static void carried(void **state)
{
    static const struct {
        const char *label;
        struct watch_learning old;
        struct watch_learning given;
        size_t old_keys;
        size_t given_keys;
        struct watch_learning result;
        size_t keys;
    } rows[] = {
        {"nothing asked", {30, 5, true}, {0}, 2, 0, {0}, 0},
        {"begins", {0}, {2, 0, false}, 0, 0, {2, 1000 + 2 * 86400, false}, 0},
        {"goes on", {30, 5, false}, {30, 0, false}, 0, 0, {30, 5, false}, 0},
        {"is over", {30, 5, true}, {30, 0, false}, 2, 0, {30, 5, true}, 2},
        {"other days", {30, 5, true}, {1, 0, false}, 2, 0, {1, 1000 + 86400, false}, 2},
        {"what the file says", {30, 5, true}, {30, 7, false}, 2, 1, {30, 7, false}, 1},
        {"keys of the file", {30, 5, true}, {30, 0, false}, 2, 1, {30, 5, true}, 1},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watch *old = calloc(1, sizeof *old);
        struct watch *given = calloc(1, sizeof *given);
        assert_true(old != NULL && given != NULL);
        old->learning = rows[i].old;
        given->learning = rows[i].given;
        for (size_t k = 0; k < rows[i].old_keys; k++)
            assert_true(watch_hashes_add(&old->key_learned, (const uint8_t[32]){(uint8_t)k}, "old"));
        for (size_t k = 0; k < rows[i].given_keys; k++)
            assert_true(watch_hashes_add(&given->key_learned, (const uint8_t[32]){9}, "given"));
        assert_true(db_keylearn_carry(old, given, 1000));
        if (given->learning.days != rows[i].result.days || given->learning.until != rows[i].result.until ||
            given->learning.over != rows[i].result.over || given->key_learned.count != rows[i].keys)
            fail_msg("%s: %" PRId64 " %" PRId64 " %d, %zu", rows[i].label, given->learning.days,
                     given->learning.until, given->learning.over, given->key_learned.count);
        db_keylearn_begin(given, 2000);
        assert_int_equal(given->key_learned.count, 0);
        assert_false(given->learning.over);
        watch_free(old, 1);
        watch_free(given, 1);
    }
}

/* What would be learned by now, and no trace of it. */
static void tried(void **state)
{
    struct watch *watches = NULL;
    uint64_t generation = 0;
    size_t count = 0;
    size_t left = 0;
    struct err why = {0};
    (void)state;
    begin("{\"days\": 30, \"until\": \"2035-01-01T00:00:00Z\"}");
    for (int i = 0; i < KEYS; i++)
        issue(i, i == 4 ? "*.example.test" : "www.example.test");
    assert_int_equal(db_domain_load(fixture.db.conn, &watches, &count, &generation, &why), ERR_OK);
    if (learnkeeper_try(fixture.db.dsn, fixture.db.conn, &watches[0], &left, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(watches[0].key_learned.count, KEYS - 1);
    assert_int_equal(left, 0);
    watch_free(watches, count);
    assert_int_equal(number(LEARNED), 0);
    assert_int_equal(number("SELECT count(*) FROM alert"), 0);
    /* No more than there is room for, and those are the newest: the last of all among them. */
    begin("{\"days\": 30, \"until\": \"2035-01-01T00:00:00Z\"}");
    for (int i = 0; i < KEYS; i++)
        issue(i, "www.example.test");
    assert_int_equal(db_domain_load(fixture.db.conn, &watches, &count, &generation, &why), ERR_OK);
    for (int i = 0; i < LIMIT_LEARNED_KEYS - 2; i++) {
        uint8_t hash[32];
        fixture_hash("old", i, hash);
        assert_true(watch_hashes_add(&watches[0].key_learned, hash, "old"));
    }
    assert_int_equal(learnkeeper_try(fixture.db.dsn, fixture.db.conn, &watches[0], &left, &why), ERR_OK);
    assert_int_equal(watches[0].key_learned.count, LIMIT_LEARNED_KEYS);
    assert_int_equal(left, KEYS - 2);
    uint8_t last[32];
    fixture_hash("spki", KEYS - 1, last);
    assert_memory_equal(watches[0].key_learned.at[LIMIT_LEARNED_KEYS - 2].spki_sha256, last, 32);
    watch_free(watches, count);
}

static int open_all(void **state)
{
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    (void)state;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    trustset_forget();
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(from_use_to_alert),
                                       cmocka_unit_test(nothing_that_was_told), cmocka_unit_test(in_its_time),
                                       cmocka_unit_test(carried), cmocka_unit_test(tried)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
