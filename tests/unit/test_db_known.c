/* Imported history: whether a log has shown it, and how it goes again. */
#include "db/db_known.h"

#include "tests/fixture/storetest.h"

#include "db/db_domain.h"

struct shown {
    size_t count;
    size_t seen;
    char refs[256];
    struct pgconn *conn;
    const uint8_t *want;
    uint8_t fp[32]; /* of the last one seen */
};

static enum err_code on_known(void *arg, const struct db_known *known, struct err *why)
{
    struct shown *shown = arg;
    uint8_t fp[32];
    bool seen = false;
    size_t len = strlen(shown->refs);
    enum err_code code = db_known_seen(shown->conn, known, shown->want, &seen, fp, why);
    if (seen)
        memcpy(shown->fp, fp, 32);
    shown->count++;
    shown->seen += seen;
    (void)snprintf(shown->refs + len, sizeof shown->refs - len, "%s%s ", known->ref, seen ? "!" : "");
    return code;
}

static void put(struct pgconn *conn, const char *ref, const char *serial, const char *name, struct span fp,
                int64_t not_after)
{
    char *names[] = {(char *)(uintptr_t)name};
    struct db_known known = {.source = fp.at == NULL ? "crtsh" : "certspotter",
                             .ref = ref,
                             .serial = serial,
                             .names = {names, 1},
                             .issuer = "CN=A",
                             .tbs_fp = fp,
                             .key_type = "",
                             .not_before = 5,
                             .not_after = not_after};
    struct err why = {0};
    bool added = false;
    if (db_known_put(conn, &known, &added, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_true(added);
}

static void all_are(struct pgconn *conn, const char *refs)
{
    struct shown shown = {.conn = conn};
    struct err why = {0};
    if (db_known_all(conn, on_known, &shown, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_string_equal(shown.refs, refs);
}

/* A serial number and a name are anybody's to choose: the fingerprint says which one is meant. */
static void only_the_wanted(struct pgconn *conn, uint8_t fps[2][32])
{
    static const uint8_t strange[32] = {1};
    struct err why = {0};
    for (int i = 0; i < 2; i++) {
        struct shown shown = {.conn = conn, .want = fps[i]};
        assert_int_equal(db_known_one(conn, "a", on_known, &shown, &why), ERR_OK);
        assert_string_equal(shown.refs, "a! ");
        assert_memory_equal(shown.fp, fps[i], 32);
    }
    struct shown none = {.conn = conn, .want = strange};
    assert_int_equal(db_known_one(conn, "a", on_known, &none, &why), ERR_OK);
    assert_int_equal(db_known_one(conn, "e", on_known, &none, &why), ERR_OK);
    assert_string_equal(none.refs, "a e ");
}

/* What `domain apply --prune` leaves. */
static void prune(const struct storetest *test, struct pgconn *conn, int64_t later)
{
    struct err why = {0};
    put(conn, "h", "", "y.test", SPAN_NONE, later);
    put(conn, "i", "", "ay.test", SPAN_NONE, later);
    storetest_run(test->dsn, "INSERT INTO domain (name, kind) VALUES ('y.test', 'dns')");
    enum db_domain_change change;
    struct watch kept = {.kind = WATCH_DNS, .name = (char *)(uintptr_t) "y.test"};
    struct db_domain_apply apply = {&kept, 1, true, true, NULL, NULL, &change};
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    all_are(conn, "b! h i ");
    apply.dry_run = false;
    assert_int_equal(db_domain_apply(conn, &apply, &why), ERR_OK);
    all_are(conn, "h i ");
    check_sql(test->dsn, "SELECT count(*) FROM domain", 1);
}

static void seen_or_not(void **state)
{
    struct storetest test;
    struct pgconn *conn = NULL;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    (void)state;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 1, 4);
    static const uint8_t serials[2][3] = {{0x00, 0xab, 0xcd}, {0x0a, 0xbc, 0xde}};
    uint8_t fp[32];
    uint8_t fps[2][32];
    memcpy(fp, batch.entries[2].issuance.tbs_fp, 32);
    memcpy(fps[0], batch.entries[0].issuance.tbs_fp, 32);
    memset(fps[1], 0x77, 32);
    for (size_t i = 0; i < 4; i++)
        batch.entries[i].issuance.serial = span_of(serials[i / 2], 3);
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    const int64_t later = INT64_C(4000000000);
    put(conn, "a", "abcd", "x1.test", SPAN_NONE, later);      /* a zero octet stands before it */
    put(conn, "b", "abcde", "www.x2.test", SPAN_NONE, later); /* an odd number of digits */
    put(conn, "c", "abcde", "x1.test", SPAN_NONE, later);     /* another CA's, of that number */
    put(conn, "d", "", "x2.test", SPAN_NONE, later);          /* nothing to find it by */
    put(conn, "e", "", "x2.test", span_of(fp, 32), later);
    put(conn, "f", "abcd", "1.test", SPAN_NONE, later);          /* an end of its name */
    put(conn, "g", "abcd' OR 1", "x1.test", SPAN_NONE, 1000000); /* long over, and no number */
    all_are(conn, "e! a! b! c d f g ");
    storetest_run(
        test.dsn,
        "INSERT INTO cert SELECT (x.r).* FROM (SELECT jsonb_populate_record(c, jsonb_build_object("
        "'tbs_fp', '\\x' || repeat('77', 32))) AS r FROM cert AS c WHERE c.serial = '\\x00abcd') AS x");
    only_the_wanted(conn, fps);
    uint64_t gone = 7;
    assert_int_equal(db_known_prune(conn, &gone, &why), ERR_OK);
    assert_int_equal(gone, 0); /* it came a moment ago */
    storetest_run(test.dsn, "UPDATE unverified_cert SET imported_at = now() - interval '401 days'");
    assert_int_equal(db_known_prune(conn, &gone, &why), ERR_OK);
    assert_int_equal(gone, 1);
    assert_int_equal(db_known_drop(conn, "d", &gone, &why), ERR_OK);
    assert_int_equal(gone, 1);
    assert_int_equal(db_known_drop(conn, "d", &gone, &why), ERR_OK);
    assert_int_equal(gone, 0);
    struct shown none = {.conn = conn};
    assert_int_equal(db_known_one(conn, "d", on_known, &none, &why), ERR_NOT_FOUND);
    assert_int_equal(db_known_one(conn, "a", on_known, &none, &why), ERR_OK);
    assert_string_equal(none.refs, "a! ");
    all_are(conn, "e! a! b! c f ");
    /* What another registered domain has stays. */
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('www.x2.test', 'dns')");
    static const char *const left[] = {"y.test", "x2.test"};
    assert_int_equal(db_known_leave(conn, left, 2, &why), ERR_OK);
    all_are(conn, "a! b! c f ");
    assert_int_equal(db_known_leave(conn, (const char *const[]){"test"}, 1, &why), ERR_OK);
    all_are(conn, "b! ");
    prune(&test, conn, later);
    pgconn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seen_or_not)};
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "db_known");
}
