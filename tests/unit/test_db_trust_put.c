/* Imports: what is new, what is gone and what stays in force; the same again changes nothing. */
#include "db/db_trust_put.h"

#include "tests/fixture/cacert.h"
#include "tests/fixture/storetest.h"

#include "db/db_trust.h"
#include "verify/digest.h"

static struct catake *onecrl(uint8_t first, bool lifts)
{
    struct catake *take = catake_new();
    struct carule rule = {.store = VERDICT_MOZILLA,
                          .kind = CARULE_BLOCKED,
                          .target = CARULE_KEY,
                          .class = CARULE_REVOKED,
                          .limit = 7,
                          .label = "OneCRL",
                          .source = "a 'test'"};
    uint32_t part = catake_part(take, "onecrl", 1000);
    rule.hash[0] = first;
    catake_rule(take, part, &rule, lifts);
    catake_rule(take, part, &rule, lifts); /* twice in one file */
    return take;
}

static struct db_trust_put put(struct pgconn *conn, struct catake *take, uint8_t number)
{
    struct db_trust_put done;
    struct err why = {0};
    uint8_t sha256[32] = {number};
    if (db_trust_put(conn, take, sha256, 1000 * number, "[]", true, &done, &why) != ERR_OK)
        fail_msg("%s", why.text);
    catake_free(take);
    return done;
}

static size_t in_force(struct pgconn *conn)
{
    struct cagraph_plan *plan = cagraph_plan_new();
    struct err why = {0};
    struct db_trust_bundle bundle;
    uint64_t version = 0;
    size_t count = 0;
    if (db_trust_load(conn, plan, &bundle, &version, &why) != ERR_OK)
        fail_msg("%s", why.text);
    struct cagraph *graph = cagraph_new(plan, 0, 0, version);
    for (size_t i = 0; i < cagraph_rule_count(graph); i++)
        count += strcmp(cagraph_rule(graph, i)->source, "a 'test'") == 0;
    cagraph_unpin(graph);
    return count;
}

static void blocks_stay_until_they_are_lifted(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    struct db_trust_put done = put(conn, onecrl(1, false), 1);
    assert_int_equal(done.rules_new, 1);
    assert_false(done.known);
    assert_true(put(conn, onecrl(1, false), 1).known);
    assert_int_equal(in_force(conn), 1);
    /* Forgotten by its source, and another one comes. */
    done = put(conn, onecrl(2, false), 2);
    assert_int_equal(done.rules_gone, 1);
    assert_int_equal(in_force(conn), 2);
    done = put(conn, onecrl(1, true), 3);
    assert_int_equal(done.rules_new, 0);
    assert_int_equal(in_force(conn), 1); /* the second one, forgotten in its turn */
    done = put(conn, onecrl(1, false), 4);
    assert_int_equal(in_force(conn), 2);
    check_sql(test.dsn, "SELECT count(*) FROM trust_bundle", 4);
    check_sql(test.dsn, "SELECT count(*) FROM trust_rule", 3);
    pgconn_free(conn);
}

static struct catake *roots(uint8_t first, uint8_t count)
{
    struct catake *take = catake_new();
    struct carule rule = {.store = VERDICT_MOZILLA,
                          .kind = CARULE_ANCHOR,
                          .target = CARULE_CERT,
                          .class = CARULE_MEMBER,
                          .label = "a root",
                          .source = "a 'test'"};
    uint32_t part = catake_part(take, "mozilla.roots", 1000);
    for (uint8_t i = 0; i < count; i++) {
        rule.hash[0] = (uint8_t)(first + i);
        catake_rule(take, part, &rule, false);
    }
    return take;
}

static enum err_code offer(struct pgconn *conn, struct catake *take, uint8_t number, bool force,
                           const char *says)
{
    struct db_trust_put done;
    struct err why = {0};
    uint8_t sha256[32] = {number};
    enum err_code code = db_trust_put(conn, take, sha256, 1000 * number, "[]", force, &done, &why);
    if (code != ERR_OK && (says == NULL || strstr(why.text, says) == NULL))
        fail_msg("%s", why.text);
    catake_free(take);
    return code;
}

static void a_store_is_not_emptied_by_a_short_list(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    /* Held against what the program came with, as long as nothing was imported. */
    assert_int_equal(offer(conn, roots(1, 0), 1, false, "and have 0"), ERR_FORMAT);
    assert_int_equal(offer(conn, roots(1, 8), 2, false, "Mozilla would lose"), ERR_FORMAT);
    check_sql(test.dsn, "SELECT count(*) FROM trust_bundle", 0);
    check_sql(test.dsn, "SELECT count(*) FROM trust_part", 0);
    assert_int_equal(offer(conn, roots(1, 8), 2, true, NULL), ERR_OK);
    assert_int_equal(in_force(conn), 8);
    /* A quarter may go, more may not, as many new ones as there may be. */
    assert_int_equal(offer(conn, roots(3, 60), 3, false, NULL), ERR_OK);
    assert_int_equal(offer(conn, roots(19, 60), 4, false, "lose 16 of its 60 roots, and have 60"),
                     ERR_FORMAT);
    assert_int_equal(in_force(conn), 60);
    assert_int_equal(offer(conn, roots(3, 0), 5, false, "lose 60 of its 60 roots, and have 0"), ERR_FORMAT);
    assert_int_equal(offer(conn, onecrl(1, false), 6, false, NULL), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM trust_rule WHERE kind = 'anchor' AND gone_at IS NULL", 60);
    pgconn_free(conn);
}

static struct catake *keys(const char *name, uint8_t first, uint8_t count)
{
    struct catake *take = catake_new();
    struct carule rule = {.store = VERDICT_CHROME,
                          .kind = CARULE_NOTED,
                          .target = CARULE_KEY,
                          .class = CARULE_INCIDENT,
                          .label = "a key",
                          .source = "a 'test'"};
    uint32_t part = catake_part(take, name, 1000);
    for (uint8_t i = 0; i < count; i++) {
        rule.hash[0] = (uint8_t)(first + i);
        catake_rule(take, part, &rule, false);
        rule.store = VERDICT_MOZILLA; /* the same key, of another store */
        catake_rule(take, part, &rule, false);
    }
    return take;
}

static size_t born_blocks(struct pgconn *conn)
{
    struct cagraph_plan *plan = cagraph_plan_new();
    struct db_trust_bundle bundle;
    uint64_t version = 0;
    size_t count = 0;
    assert_int_equal(db_trust_load(conn, plan, &bundle, &version, NULL), ERR_OK);
    struct cagraph *graph = cagraph_new(plan, 0, 0, version);
    for (size_t i = 0; i < cagraph_rule_count(graph); i++)
        count += cagraph_rule(graph, i)->kind == CARULE_BLOCKED;
    cagraph_unpin(graph);
    return count;
}

static void distrust_is_not_emptied_by_a_short_list(void **state)
{
    static const char *const parts[] = {"distrust", "chrome.blocked"};
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    size_t born = born_blocks(conn);
    assert_true(born > 100);
    for (uint8_t i = 0; i < countof(parts); i++) {
        uint8_t at = (uint8_t)(10 * i + 1);
        assert_int_equal(offer(conn, keys(parts[i], 1, 0), at, false, "keys, and have 0"), ERR_FORMAT);
        assert_int_equal(offer(conn, keys(parts[i], 1, 8), at, false, "keys, and have 8"), ERR_FORMAT);
        assert_int_equal(offer(conn, keys(parts[i], 1, 8), at, true, NULL), ERR_OK);
        assert_int_equal(offer(conn, keys(parts[i], 3, 8), at + 1, false, NULL), ERR_OK);
        assert_int_equal(offer(conn, keys(parts[i], 6, 8), at + 2, false, "lose 3 of its 8 keys, and have 8"),
                         ERR_FORMAT);
    }
    /* What the program knows to be blocked stays so, whatever a list forgot. */
    assert_int_equal(born_blocks(conn), born);
    pgconn_free(conn);
}

static struct catake *names(uint8_t first, uint8_t count)
{
    struct catake *take = catake_new();
    const uint8_t hash[32] = {7};
    (void)catake_part(take, "caa", 1000);
    for (int i = first; i < first + count; i++) {
        char domain[] = "a.example";
        domain[0] = (char)('a' + i);
        catake_caa(take, domain, true, hash, "a CA");
        catake_caa(take, domain, false, hash, "a CA");
    }
    return take;
}

static void names_of_cas_are_not_emptied_by_a_short_list(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(offer(conn, names(0, 8), 1, false, NULL), ERR_OK);
    assert_int_equal(offer(conn, names(0, 0), 2, false, "lose 8 of its 8 names, and have 0"), ERR_FORMAT);
    assert_int_equal(offer(conn, names(3, 8), 3, false, "lose 3 of its 8 names, and have 8"), ERR_FORMAT);
    assert_int_equal(offer(conn, names(2, 6), 4, false, NULL), ERR_OK);
    assert_int_equal(offer(conn, names(2, 1), 5, true, NULL), ERR_OK);
    check_sql(test.dsn, "SELECT count(DISTINCT domain) FROM trust_caa", 1);
    pgconn_free(conn);
}

static void how_old_each_source_is(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    struct cagraph_plan *plan = cagraph_plan_new();
    struct db_trust_bundle bundle;
    uint64_t version = 0;
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    /* What comes may be older than what the program was born with, and later than what was imported. */
    struct catake *take = onecrl(1, false);
    (void)catake_part(take, "caa", 5); /* names of CAs: no verdict hangs on them */
    (void)catake_part(take, "distrust", 7000);
    struct db_trust_put done = put(conn, take, 9);
    assert_string_equal(done.older,
                        "distrust is of 1970-01-01, older than what it took the place of (2026-11-21)");
    /* Several: one is named, all are counted. */
    take = catake_new();
    (void)catake_part(take, "caa", 4);
    (void)catake_part(take, "distrust", 6000);
    assert_non_null(strstr(put(conn, take, 8).older, "(1970-01-01); other parts that are older, too: 1"));
    take = catake_new();
    (void)catake_part(take, "distrust", 8000);
    assert_string_equal(put(conn, take, 10).older, "");
    take = catake_new();
    (void)catake_part(take, "distrust", 7000);
    assert_true(strstr(put(conn, take, 11).older, "distrust is of") != NULL);
    assert_int_equal(db_trust_load(conn, plan, &bundle, &version, NULL), ERR_OK);
    struct cagraph *graph = cagraph_new(plan, bundle.dated_ms, bundle.id, version);
    assert_int_equal(bundle.dated_ms, 11000);
    assert_string_equal(cagraph_oldest(graph)->name, "distrust");
    assert_int_equal(cagraph_oldest(graph)->dated_ms, 7000);
    size_t born = 0;
    for (size_t i = 0; i < cagraph_source_count(graph); i++) {
        const struct cagraph_source *source = cagraph_source(graph, i);
        born += source->born;
        /* The newest record of a list of revocations does not say how old the list is. */
        if (strcmp(source->name, "onecrl") == 0)
            assert_true(source->dated_ms > INT64_C(1700000000000));
        if (strcmp(source->name, "distrust") == 0)
            assert_false(source->born);
    }
    assert_int_equal(born, 6); /* roots of four stores, blocked keys, roots for tests */
    cagraph_unpin(graph);
    pgconn_free(conn);
}

static void certificates_are_stored_as_from_a_log(void **state)
{
    (void)state;
    struct storetest test;
    struct pgconn *conn = NULL;
    struct cacert made;
    EVP_PKEY *key = cacert_key();
    const struct cacert_order order = {"Root", key, "Root", key, .serial = 6};
    struct span der = cacert_make(&order, &made);
    struct catake *take = catake_new();
    struct cafacts facts;
    struct cafacts hashes = {.sha256 = {9},
                             .key = {8},
                             .subject = {7},
                             .label = "by hash",
                             .not_before = INT64_MIN,
                             .not_after = INT64_MAX};
    storetest_new(&test);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_true(catake_der(take, der, &facts));
    catake_hashes(take, &hashes);
    catake_edge(take, hashes.sha256, facts.sha256);
    catake_caa(take, "ca.example", true, facts.key, "Root");
    (void)catake_part(take, "caa", 0);
    struct db_trust_put done = put(conn, take, 1);
    assert_int_equal(done.certs_new, 2);
    assert_int_equal(done.edges_new, 1);
    check_sql(test.dsn,
              "SELECT count(*) FROM issuer_cert WHERE length(subject) = 17 AND sha256(der) = sha256", 1);
    check_sql(test.dsn, "SELECT count(*) FROM trust_cert WHERE not_before IS NULL AND label = 'by hash'", 1);
    check_sql(test.dsn, "SELECT count(*) FROM trust_caa WHERE domain = 'ca.example' AND by_key", 1);
    EVP_PKEY_free(key);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_stay_until_they_are_lifted),
                                       cmocka_unit_test(a_store_is_not_emptied_by_a_short_list),
                                       cmocka_unit_test(distrust_is_not_emptied_by_a_short_list),
                                       cmocka_unit_test(names_of_cas_are_not_emptied_by_a_short_list),
                                       cmocka_unit_test(how_old_each_source_is),
                                       cmocka_unit_test(certificates_are_stored_as_from_a_log)};
    return storetest_main(tests, countof(tests), "db_trust_put");
}
