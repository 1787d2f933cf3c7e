/* Names of CAs follow what is imported of them. */
#include "cli/reallow.h"

#include "tests/fixture/storetest.h"

#include "cli/caafind.h"
#include "db/db_trust_put.h"

#define HEX(digit) "repeat('" digit "', 64)"

static void import(struct pgconn *conn, uint8_t number, const uint8_t *keys, size_t count)
{
    struct catake *take = catake_new();
    struct db_trust_put done;
    struct err why = {0};
    uint8_t sha256[32] = {number};
    (void)catake_part(take, "caa", 0);
    (void)catake_part(take, "owners", 0);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[32];
        memset(key, keys[i], sizeof key);
        catake_caa(take, "ca.example", true, key, "Some CA");
        catake_owner(take, "Some CA, Inc.", true, key);
    }
    if (db_trust_put(conn, take, sha256, 1000, "[]", true, &done, &why) != ERR_OK)
        fail_msg("%s", why.text);
    catake_free(take);
}

static struct reallow renew(const char *dsn, struct pgconn *conn)
{
    struct reallow done;
    struct err why = {0};
    if (reallow_run(dsn, conn, &done, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return done;
}

static const char labels[] =
    "SELECT coalesce(string_agg(label || ' ' || left(encode(spki_sha256, 'hex'), 2), ', '"
    " ORDER BY label, spki_sha256), '') FROM domain_allow";

/* Two domains, of which the second one knows no CA by name; alerts of the first about the keys 0x22, 0x33. */
static void prepare(const char *dsn)
{
    storetest_run(dsn,
                  "INSERT INTO domain (name, kind, exact, wildcard_allowed, history_at)"
                  " VALUES ('a.example', 'dns', false, false, now()),"
                  " ('b.example', 'dns', false, false, now());"
                  "INSERT INTO domain_allow SELECT id, decode(" HEX(
                      "1") ", 'hex'), l FROM domain,"
                           " unnest(ARRAY['ca.example', 'ca:some ca']) AS l WHERE name = 'a.example';"
                           "INSERT INTO domain_allow SELECT id, decode(" HEX("9") ", 'hex'), 'spki:' || " HEX(
                               "9") " FROM domain;"
                                    "INSERT INTO alert (domain, domain_name, kind, severity, tbs_fp, "
                                    "findings, issuance,"
                                    " first_seen) SELECT d.id, d.name, 'unexpected_ca', 'high', "
                                    "decode(repeat(k, 64), 'hex'),"
                                    " ('[{\"kind\": \"unexpected_ca\", \"rule\": \"allow_ca\", \"severity\": "
                                    "\"high\"}]')::jsonb,"
                                    " jsonb_build_object('issuer_proven', k <> '4', 'issuer_spki_sha256', "
                                    "repeat(k, 64)),"
                                    " now() FROM domain AS d, unnest(ARRAY['2', '3', '4']) AS k WHERE d.name "
                                    "= 'a.example'");
}

static void a_name_follows_the_import(void **state)
{
    static const uint8_t first[] = {0x11, 0x22, 0x44};
    static const uint8_t second[] = {0x33};
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    prepare(test.dsn);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    import(conn, 1, first, 3);
    struct reallow done = renew(test.dsn, conn);
    assert_int_equal(done.domains, 1);
    assert_int_equal(done.closed, 1); /* of key 4 nothing is proven */
    storetest_text(
        test.dsn, labels,
        "ca.example 11, ca.example 22, ca.example 44, ca:some ca 11, ca:some ca 22, ca:some ca 44, "
        "spki:9999999999999999999999999999999999999999999999999999999999999999 99, "
        "spki:9999999999999999999999999999999999999999999999999999999999999999 99");
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE name = 'a.example' AND history_at IS NULL", 1);
    check_sql(test.dsn, "SELECT count(*) FROM domain WHERE name = 'b.example' AND history_at IS NOT NULL", 1);
    storetest_text(test.dsn, "SELECT string_agg(state, ' ' ORDER BY tbs_fp) FROM alert", "closed new new");
    /* The same again changes nothing; other keys take the place of those before. */
    done = renew(test.dsn, conn);
    assert_int_equal(done.domains + done.closed, 0);
    /* Whoever changed them may have died before he closed what that explains. */
    storetest_run(test.dsn, "UPDATE alert SET state = 'new' WHERE state = 'closed'");
    done = renew(test.dsn, conn);
    assert_int_equal(done.domains, 0);
    assert_int_equal(done.closed, 1);
    import(conn, 2, second, 1);
    done = renew(test.dsn, conn);
    assert_int_equal(done.domains, 1);
    assert_int_equal(done.closed, 1);
    /* A report of owners may be half of one: others keep theirs. */
    check_sql(test.dsn, "SELECT count(*) FROM domain_allow WHERE label = 'ca.example'", 1);
    check_sql(test.dsn, "SELECT count(*) FROM domain_allow WHERE label = 'ca:some ca'", 4);
    storetest_text(test.dsn, "SELECT string_agg(state, ' ' ORDER BY tbs_fp) FROM alert", "closed closed new");
    pgconn_free(conn);
    caafind_forget();
}

/* Keys that were known are worth more than none. */
static void a_name_that_is_gone_keeps_its_keys(void **state)
{
    static const uint8_t keys[] = {0x11};
    struct storetest test;
    struct pgconn *conn = NULL;
    (void)state;
    storetest_new(&test);
    prepare(test.dsn);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    import(conn, 1, keys, 0);
    struct reallow done = renew(test.dsn, conn);
    assert_int_equal(done.domains + done.closed, 0);
    check_sql(test.dsn, "SELECT count(*) FROM domain_allow WHERE label NOT LIKE 'spki:%'", 2);
    pgconn_free(conn);
    caafind_forget();
}

static void count_key(void *arg, const struct watch_allow *allow)
{
    size_t *keys = arg;
    (void)allow;
    (*keys)++;
}

/* A name may be that of certificates, of which not all are known. */
static void names_of_certificates(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    size_t keys = 0;
    struct watch_hashes found = {0};
    struct err warning = {0};
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    storetest_run(test.dsn,
                  "INSERT INTO trust_bundle (dated, sha256, report) VALUES (now(), sha256('x'), '[]');"
                  "INSERT INTO trust_part SELECT 'caa', id FROM trust_bundle;"
                  "INSERT INTO trust_cert VALUES (sha256('c'), sha256('k'), sha256('s'), false, NULL,"
                  " NULL, '');"
                  "INSERT INTO trust_caa VALUES ('both.example', false, sha256('c'), 'C'),"
                  " ('both.example', false, sha256('d'), 'D'),"
                  " ('none.example', false, sha256('d'), 'D')");
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(caafind_keys(test.dsn, "none.example", NULL, &found, &warning, &why), ERR_USAGE);
    assert_non_null(strstr(why.text, "has none of them"));
    err_clear(&why);
    /* Of one certificate the key is known, and that of the other may be missed. */
    assert_int_equal(caafind_keys(test.dsn, "both.example", count_key, &keys, &warning, &why), ERR_OK);
    assert_int_equal(keys, 1);
    assert_non_null(strstr(warning.text, "does not have"));
    err_clear(&warning);
    /* What an import does not know the program still does. */
    assert_int_equal(caafind_keys(test.dsn, "letsencrypt.org", count_key, &keys, &warning, &why), ERR_OK);
    assert_int_equal(warning.code, ERR_OK);
    assert_true(keys > 2);
    assert_int_equal(caafind_keys(test.dsn, "bth.example", NULL, &found, &warning, &why), ERR_USAGE);
    if (strstr(why.text, "'both.example'") == NULL)
        fail_msg("%s", why.text);
    pgconn_free(conn);
    caafind_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_name_follows_the_import),
                                       cmocka_unit_test(a_name_that_is_gone_keeps_its_keys),
                                       cmocka_unit_test(names_of_certificates)};
    return storetest_main(tests, countof(tests), "reallow");
}
