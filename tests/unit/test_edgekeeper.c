/* Which certificate certifies which, whatever order they come in, and whatever names and key identifiers
 * claim. */
#include "cli/edgekeeper.h"

#include "tests/fixture/cacert.h"
#include "tests/fixture/storetest.h"

#include "db/db_edge.h"
#include "parser/tbs.h"
#include "verify/digest.h"

enum { ROOT, OTHER, INTER, CROSS, RENEWED, LIAR, ENCODED, OLD, BELOW, RUBBISH, TRAILING, COUNT };

/* What is signed by whom. A key signs whatever bytes stand behind its certificate; what has bytes behind it
 * itself is signed by nobody. */
static const struct {
    int child;
    int parent;
} edges[] = {{INTER, ROOT},   {INTER, RENEWED},   {CROSS, OTHER}, {RENEWED, ROOT}, {ROOT, RENEWED},
             {ENCODED, ROOT}, {ENCODED, RENEWED}, {BELOW, INTER}, {BELOW, CROSS},  {BELOW, TRAILING}};

static struct cacert made[COUNT];
static EVP_PKEY *keys[6];

static void make_all(void)
{
    for (size_t i = 0; i < countof(keys); i++)
        keys[i] = cacert_key();
    EVP_PKEY *root = keys[0];
    EVP_PKEY *other = keys[1];
    EVP_PKEY *inter = keys[2];
    const struct cacert_order orders[] = {
        [ROOT] = {"Root", root, "Root", root, .ski = "root-id", .aki = "root-id"},
        [OTHER] = {"Other", other, "Other", other, .ski = "other-id"},
        [INTER] = {"Inter", inter, "Root", root, .ski = "inter-id", .aki = "root-id"},
        [CROSS] = {"Inter", inter, "Other", other, .ski = "inter-id", .aki = "other-id", .serial = 1},
        [RENEWED] = {"Root", root, "Root", root, .ski = "root-id", .serial = 2, .not_after = 2240524800},
        /* The name and key identifier of the root over another key. */
        [LIAR] = {"Root", keys[3], "Root", keys[3], .ski = "root-id", .aki = "root-id", .serial = 3},
        /* Its issuer's name is written in another string type: only the key identifier leads there. */
        [ENCODED] = {"Encoded", keys[4], "+Root", root, .aki = "root-id", .no_ca = true},
        [OLD] = {"Old", keys[5], "Nobody", keys[3], .serial = 5},
        [BELOW] = {"Below", keys[4], "Inter", inter, .serial = 4}, /* no key identifiers */
    };
    for (size_t i = 0; i < countof(orders); i++)
        (void)cacert_make(&orders[i], &made[i]);
    made[RUBBISH] = (struct cacert){"\x30\x03\x02\x01\x05", 5};
    made[TRAILING] = made[INTER];
    made[TRAILING].bytes[made[TRAILING].len++] = 0;
}

static void sha_of(int which, uint8_t sha256[32])
{
    digest_sha256(span_of(made[which].bytes, made[which].len), sha256);
}

static void put(struct store *store, int which)
{
    struct err why = {0};
    struct cert cert;
    struct store_ca ca = {.log_id = 1 + which % 2, .der = span_of(made[which].bytes, made[which].len)};
    sha_of(which, ca.sha256);
    (void)tbs_read_certificate(ca.der, &cert);
    if (cert.spki.at != NULL)
        digest_sha256(cert.spki, ca.spki_sha256);
    ca.subject = cert.subject;
    if (store->ops->issuer_cert_put(store, &ca, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static struct edgekeeper_report look(const char *dsn, uint64_t certs_max)
{
    struct edgekeeper_report report = {0};
    struct err why = {0};
    struct pgconn *conn = NULL;
    if (pgconn_open(dsn, &conn, &why) != ERR_OK ||
        edgekeeper_look(conn, certs_max, NULL, &report, &why) != ERR_OK)
        fail_msg("%s", why.text);
    pgconn_free(conn);
    return report;
}

static int64_t edge(const char *dsn, int child, int parent)
{
    char sql[400];
    char hex[2][65];
    uint8_t sha256[32];
    sha_of(child, sha256);
    text_hex(span_of(sha256, 32), hex[0]);
    sha_of(parent, sha256);
    text_hex(span_of(sha256, 32), hex[1]);
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM ca_edge WHERE child_sha256 = '\\x%s' AND parent_sha256 = '\\x%s'",
                   hex[0], hex[1]);
    return pgtest_count(dsn, sql);
}

static void check_edges(const char *dsn)
{
    for (size_t i = 0; i < countof(edges); i++)
        if (edge(dsn, edges[i].child, edges[i].parent) != 1)
            fail_msg("no edge from %d to %d", edges[i].child, edges[i].parent);
    check_sql(dsn, "SELECT count(*) FROM ca_edge", (int64_t)countof(edges));
    check_sql(dsn, "SELECT count(*) FROM issuer_cert WHERE edges_at IS NULL", 0);
    check_sql(dsn, "SELECT count(*) FROM issuer_cert WHERE self_signed",
              4); /* two roots, twice one, the liar */
    check_sql(dsn,
              "SELECT count(*) FROM ca_edge AS e JOIN issuer_cert AS c ON c.sha256 = e.child_sha256"
              " WHERE e.log IS DISTINCT FROM c.log",
              0);
}

/* They come one by one, and some are looked at before the next one comes. */
static void in_any_order(void **state)
{
    static const struct {
        int first;
        int step; /* coprime to COUNT */
        int look_each;
    } rows[] = {{0, 1, COUNT}, {0, 1, 1}, {COUNT - 1, COUNT - 1, 1}, {3, 4, 2}, {7, 7, 3}};
    (void)state;
    for (size_t row = 0; row < countof(rows); row++) {
        struct storetest test;
        storetest_new(&test);
        struct store *store = storetest_open(test.dsn);
        for (int i = 0; i < COUNT; i++) {
            put(store, (rows[row].first + i * rows[row].step) % COUNT);
            if (i % rows[row].look_each == 0)
                (void)look(test.dsn, 1000);
        }
        (void)look(test.dsn, 1000);
        check_edges(test.dsn);
        assert_int_equal(look(test.dsn, 1000).checks, 0); /* nothing is done twice */
        store->ops->free(store);
    }
}

/* What was stored by a version that knew no edges; and a round that ends early. */
static void old_rows_a_few_at_a_time(void **state)
{
    struct storetest test;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    for (int i = 0; i < COUNT; i++)
        put(store, i);
    storetest_run(test.dsn, "UPDATE issuer_cert SET log = NULL");
    for (int64_t i = COUNT; i > 0; i -= 2) {
        check_sql(test.dsn, "SELECT count(*) FROM issuer_cert WHERE edges_at IS NULL", i);
        (void)look(test.dsn, 2);
    }
    check_edges(test.dsn);
    /* Killed between the edges and the note that they are there. */
    storetest_run(test.dsn, "UPDATE issuer_cert SET edges_at = NULL, issuer = NULL, aki = NULL");
    storetest_run(test.dsn, "DELETE FROM ca_edge WHERE ctid IN (SELECT ctid FROM ca_edge LIMIT 4)");
    (void)look(test.dsn, 1000);
    check_edges(test.dsn);
    storetest_text(test.dsn,
                   "SELECT string_agg(not_after::date::text, ' ' ORDER BY not_after) FROM issuer_cert"
                   " WHERE self_signed AND is_ca",
                   "2036-01-01 2036-01-01 2036-01-01 2040-12-31");
    store->ops->free(store);
}

/* Two hundred certificates with the name of a root and other keys cost checks, and nothing else. */
static void a_name_that_many_claim(void **state)
{
    struct storetest test;
    struct store *store;
    (void)state;
    storetest_new(&test);
    store = storetest_open(test.dsn);
    put(store, INTER);
    storetest_run(
        test.dsn,
        "INSERT INTO issuer_cert (sha256, spki_sha256, subject, der, edges_at)"
        " SELECT sha256(n::text::bytea), sha256(n::text::bytea), '\\x300f310d300b06035504031304526f6f74',"
        " '\\x3003020105', now() FROM generate_series(1, 200) AS n");
    assert_int_equal(look(test.dsn, 1000).checks, 200);
    put(store, ROOT);
    assert_int_equal(look(test.dsn, 1000).edges, 1);
    assert_int_equal(edge(test.dsn, INTER, ROOT), 1);
    store->ops->free(store);
}

static void stopped(void **state)
{
    struct storetest test;
    struct edgekeeper_report report;
    struct err why = {0};
    struct pgconn *conn[2] = {NULL, NULL};
    const atomic_bool stop = true;
    bool taken = false;
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    put(store, ROOT);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pgconn_open(test.dsn, &conn[i], &why), ERR_OK);
    assert_int_equal(edgekeeper_look(conn[0], 10, &stop, &report, &why), ERR_OK);
    assert_int_equal(report.certs, 0);
    /* Another one is at it. */
    assert_int_equal(db_edge_lock(conn[1], &taken, &why), ERR_OK);
    assert_true(taken);
    assert_int_equal(edgekeeper_look(conn[0], 10, NULL, &report, &why), ERR_OK);
    assert_int_equal(report.certs, 0);
    assert_int_equal(db_edge_unlock(conn[1], &why), ERR_OK);
    assert_int_equal(edgekeeper_look(conn[0], 10, NULL, &report, &why), ERR_OK);
    assert_int_equal(report.certs, 1);
    store->ops->free(store);
    for (size_t i = 0; i < 2; i++)
        pgconn_free(conn[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order),
        cmocka_unit_test(old_rows_a_few_at_a_time),
        cmocka_unit_test(a_name_that_many_claim),
        cmocka_unit_test(stopped),
    };
    make_all();
    int failed = storetest_main(tests, countof(tests), "edgekeeper");
    for (size_t i = 0; i < countof(keys); i++)
        EVP_PKEY_free(keys[i]);
    return failed;
}
