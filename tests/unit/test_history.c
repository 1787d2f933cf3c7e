/* What was stored before a domain came is judged like what comes after it. */
#include "watcher/history.h"

#include "tests/fixture/storetest.h"

#include "db/db_domain.h"
#include "db/db_late.h"
#include "tests/fixture/watches.h"
#include "watcher/match.h"

#define ENTRIES 600

/* Entry 77 is opaque and names x5.test; the others come as precertificate and as final certificate. */
static void fill(struct batch *batch, const struct ctlog *log)
{
    struct issuances_entry specs[ENTRIES];
    for (size_t i = 0; i < ENTRIES; i++)
        specs[i] = (struct issuances_entry){i / 2, i % 2 == 0 ? ISSUANCE_PRECERT : ISSUANCE_FINAL, i == 77};
    issuances_batch(batch, log, 0, specs, ENTRIES);
    batch->entries[77].leaf = SPAN_LIT("\x01\x02 www.x5.test \x03");
    batch->entries[77].extra = SPAN_LIT("");
}

static void add_domain(struct pgconn *conn, struct watch *watch)
{
    struct err why = {0};
    uint64_t generation = 0;
    if (db_domain_add(conn, watch, NULL, 0, &watch->id, &generation, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* What ingest made of the one entry that was kept raw. */
static enum err_code read_again(void *arg, const struct db_malformed_row *row, struct arena *arena,
                                struct entry *entry, struct err *why)
{
    (void)arg;
    (void)arena;
    (void)why;
    assert_int_equal(row->index, 77);
    assert_true(row->unparsed);
    assert_false(row->tile);
    entry->kind = ENTRY_OPAQUE;
    entry->leaf = row->leaf;
    entry->extra = row->extra;
    entry->findings = row->findings;
    entry->sighting.index = row->index;
    entry->sighting.timestamp_ms = row->timestamp_ms;
    assert_true(finding_has(&entry->findings, FINDING_LEAF_ENTRY_TYPE));
    return ERR_OK;
}

static const struct history_reader reader = {.read = read_again};

static const char alerts_sql[] =
    "SELECT string_agg(concat_ws('|', a.domain_name, encode(a.tbs_fp, 'hex'), a.dedup, a.kind, a.severity, "
    "a.name,"
    " a.findings, (SELECT string_agg(concat_ws('/', s.log, s.idx, s.form), ',' ORDER BY s.log, s.idx)"
    "  FROM alert_sighting AS s WHERE s.alert = a.id)), E'\\n' ORDER BY a.domain_name, a.tbs_fp, a.dedup) "
    "FROM alert AS a";

static const char named_sql[] =
    "SELECT md5(string_agg(concat_ws('|', a.domain_name, encode(a.tbs_fp, 'hex'), a.dedup, a.kind, "
    "a.severity,"
    " a.name, a.findings, (SELECT string_agg(concat_ws('/', s.log, s.idx, s.form), ',' ORDER BY s.log, s.idx)"
    "  FROM alert_sighting AS s WHERE s.alert = a.id)), E'\\n' ORDER BY a.domain_name, a.tbs_fp, a.dedup))"
    " FROM alert AS a WHERE a.domain IS NOT NULL";

/* Matches and commits with the given watches in force (NULL: nobody watches). */
static void store_batch(const struct storetest *test, struct watchset *set)
{
    struct store_range range;
    struct batch batch;
    struct store *store = storetest_open(test->dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    fill(&batch, &test->log[0]);
    if (set != NULL)
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

static struct watchset *load_set(struct pgconn *conn)
{
    struct watch *watches = NULL;
    size_t count = 0;
    uint64_t generation = 0;
    assert_int_equal(db_domain_load(conn, &watches, &count, &generation, NULL), ERR_OK);
    struct watchset *set = watchset_new(watches, count, generation);
    assert_non_null(set);
    return set;
}

static void watches_make(struct watch watches[4])
{
    static const char *const texts[] = {"x5.test", "=www.x6.test", "x2.example", "192.0.2.10"};
    for (size_t i = 0; i < 4; i++)
        watches[i] = watches_one(texts[i], 0);
    watches[2].allow = calloc(1, sizeof *watches[2].allow);
    assert_non_null(watches[2].allow);
    watches[2].allow_count = 1;
    watches[2].allow->label = strdup("spki:expected");
    issuances_hash("issuer", 6, watches[2].allow->spki_sha256); /* x2.example is on number 6: 6 % 7 */
}

static void watches_drop(struct watch watches[4])
{
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < watches[i].allow_count; k++)
            free(watches[i].allow[k].label);
        free(watches[i].allow);
        free(watches[i].name);
    }
}

static void before_and_after_are_the_same(void **state)
{
    struct storetest before;
    struct storetest after;
    struct pgconn *conn = NULL;
    struct pgconn *write = NULL;
    struct watch watches[4];
    struct history_result results[4];
    static char expected[65536];
    static char got[65536];
    (void)state;
    watches_make(watches);
    storetest_new(&before);
    assert_int_equal(pgconn_open(before.dsn, &conn, NULL), ERR_OK);
    for (size_t i = 0; i < 4; i++)
        add_domain(conn, &watches[i]);
    struct watchset *set = load_set(conn);
    store_batch(&before, set);
    watchset_unpin(set);
    pgconn_free(conn);
    assert_true(pgtest_sql(before.dsn, alerts_sql, expected, sizeof expected));

    storetest_new(&after);
    store_batch(&after, NULL);
    assert_int_equal(pgconn_open(after.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(pgconn_open(after.dsn, &write, NULL), ERR_OK);
    check_sql(after.dsn, "SELECT count(*) FROM alert", 0);
    for (size_t i = 0; i < 4; i++) {
        struct err why = {0};
        add_domain(conn, &watches[i]);
        if (history_run(conn, write, &watches[i], &reader, &results[i], &why) != ERR_OK)
            fail_msg("%s: %s", watches[i].name, why.text);
    }
    assert_true(pgtest_sql(after.dsn, alerts_sql, got, sizeof got));
    check_sql(after.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
    /* The alert that could be anybody's counts whom it concerned when it was met last: the texts may differ
     * in that only. */
    assert_non_null(strstr(expected, "x5.test"));
    char *expected_nobody = strstr(expected, "|malformed:1:77|");
    char *got_nobody = strstr(got, "|malformed:1:77|");
    assert_true((expected_nobody == NULL) == (got_nobody == NULL));
    check_sql(after.dsn, "SELECT count(*) FROM alert WHERE domain IS NOT NULL",
              pgtest_count(before.dsn, "SELECT count(*) FROM alert WHERE domain IS NOT NULL"));
    char md5[64];
    assert_true(pgtest_sql(before.dsn, named_sql, md5, sizeof md5));
    if (!pgtest_sql(after.dsn, named_sql, got + 32768, 64) || strcmp(md5, got + 32768) != 0)
        fail_msg("before:\n%s\nafter:\n%s", expected, got);
    assert_int_equal(results[0].concerned, 2); /* the certificate and the opaque entry */
    assert_int_equal(results[2].concerned, 1);
    assert_int_equal(results[2].raised, 0);

    /* Once more: nothing is doubled. */
    int64_t count = pgtest_count(after.dsn, "SELECT count(*) FROM alert");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(history_run(conn, write, &watches[i], &reader, &results[i], NULL), ERR_OK);
        assert_int_equal(results[i].raised, 0);
    }
    check_sql(after.dsn, "SELECT count(*) FROM alert", count);
    pgconn_free(conn);
    pgconn_free(write);
    watches_drop(watches);
}

/* In one pass as one after the other. */
static void together_is_the_same(void **state)
{
    char alerts[2][64];
    struct history_result results[2][4];
    struct watch watches[4];
    (void)state;
    watches_make(watches);
    const struct watch *all[4] = {&watches[0], &watches[1], &watches[2], &watches[3]};
    for (int together = 0; together < 2; together++) {
        struct storetest test;
        struct pgconn *conn = NULL;
        struct pgconn *write = NULL;
        struct err why = {0};
        enum err_code code = ERR_OK;
        storetest_new(&test);
        store_batch(&test, NULL);
        assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
        assert_int_equal(pgconn_open(test.dsn, &write, NULL), ERR_OK);
        for (size_t i = 0; i < 4; i++)
            add_domain(conn, &watches[i]);
        for (size_t i = 0; i < 4 && together == 0 && code == ERR_OK; i++)
            code = history_run(conn, write, &watches[i], &reader, &results[0][i], &why);
        if (together == 1)
            code = history_run_all(conn, write, all, 4, &reader, results[1], &why);
        if (code != ERR_OK)
            fail_msg("%s", why.text);
        check_sql(test.dsn, "SELECT count(*) FROM domain WHERE history_at IS NULL", 0);
        check_sql(test.dsn, "SELECT count(*) FROM pair_look", 4);
        assert_true(pgtest_sql(test.dsn, named_sql, alerts[together], sizeof alerts[0]));
        pgconn_free(conn);
        pgconn_free(write);
    }
    assert_string_equal(alerts[0], alerts[1]);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(results[0][i].raised, results[1][i].raised);
        assert_int_equal(results[0][i].concerned, results[1][i].concerned);
    }
    watches_drop(watches);
}

struct sort {
    enum issuance_form form;
    bool proven;
    bool opaque;
    bool other; /* issuer */
    bool alike; /* another certificate, whose tbs_fp begins with the same 64 bits */
    bool no_key;
    bool poisoned; /* with the poison, stored by an older version: as a precertificate, and commits to nothing
                    */
};

static void commit_one(const struct storetest *test, struct watchset *set, int log, struct sort sort)
{
    const struct issuances_entry spec = {1, sort.poisoned ? ISSUANCE_PRECERT : sort.form, sort.opaque};
    struct store_range range;
    struct batch batch;
    struct store *store = storetest_open(test->dsn);
    storetest_take(store, log + 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &test->log[log], range.next, &spec, 1);
    batch.entries[0].issuance.issuer_proven = sort.proven;
    batch.entries[0].issuance.cert_flags |= sort.poisoned ? CERT_POISON : 0;
    batch.entries[0].issuance.issuer_spki_sha256[0] ^= sort.other;
    batch.entries[0].issuance.tbs_fp[31] ^= sort.alike;
    if (sort.no_key) {
        batch.entries[0].issuance.issuer_known = false;
        memset(batch.entries[0].issuance.issuer_spki_sha256, 0, 32);
    }
    if (set != NULL)
        assert_int_equal(match_batch(set, &batch, NULL, NULL), ERR_OK);
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

/* An allowed CA that nothing but the log's word stands for is told, and counted; a precertificate proves it.
 */
static void the_word_of_a_log_is_told(void **state)
{
    static const struct {
        bool proven;
        bool precert; /* seen in another log as well */
        uint64_t claimed;
        bool other;   /* that precertificate names another issuer */
        bool alike;   /* it is another one's, and has the same first 64 bits */
        int poisoned; /* in so many logs; a precertificate of the same is then not told from these */
        bool after;   /* a final one with the poison in another log */
    } cases[] = {{false, false, 1, false, false, 0, false}, {true, false, 0, false, false, 0, false},
                 {false, true, 0, false, false, 0, false},  {false, true, 1, true, false, 0, false},
                 {false, true, 1, false, true, 0, false},   {false, false, 1, false, false, 1, false},
                 {false, false, 1, false, false, 2, false}, {false, true, 1, false, false, 1, false},
                 {false, false, 1, false, false, 0, true}};
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct storetest test;
        struct pgconn *conn = NULL;
        struct pgconn *write = NULL;
        struct watch watch = watches_one("x1.test", 0);
        struct history_result result;
        struct err why = {0};
        storetest_new(&test);
        commit_one(&test, NULL, 0,
                   (struct sort){
                       .form = ISSUANCE_FINAL, .proven = cases[i].proven, .poisoned = cases[i].poisoned > 0});
        if (cases[i].poisoned > 1)
            commit_one(&test, NULL, 1, (struct sort){.form = ISSUANCE_FINAL, .poisoned = true});
        if (cases[i].after)
            commit_one(&test, NULL, 1, (struct sort){.form = ISSUANCE_POISONED});
        if (cases[i].precert)
            commit_one(&test, NULL, 1,
                       (struct sort){.form = ISSUANCE_PRECERT,
                                     .proven = true,
                                     .other = cases[i].other,
                                     .alike = cases[i].alike});
        assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
        assert_int_equal(pgconn_open(test.dsn, &write, NULL), ERR_OK);
        watch.allow = calloc(1, sizeof *watch.allow);
        assert_non_null(watch.allow);
        watch.allow_count = 1;
        watch.allow->label = strdup("cert:demo.pem");
        issuances_hash("issuer", 1, watch.allow->spki_sha256);
        add_domain(conn, &watch);
        if (history_run(conn, write, &watch, &reader, &result, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(result.concerned, cases[i].other || cases[i].alike ? 2 : 1);
        assert_int_equal(result.claimed, cases[i].claimed);
        assert_int_equal(result.raised, cases[i].claimed);
        check_sql(
            test.dsn,
            "SELECT count(*) FROM alert, jsonb_array_elements(findings) AS f WHERE f->>'severity' = 'low'"
            " AND f->>'kind' = 'unexpected_ca' AND f->>'found' LIKE '%by the word of the log alone%'",
            (int64_t)cases[i].claimed);
        check_sql(test.dsn, "SELECT count(*) FROM alert WHERE severity = 'high'", cases[i].other);
        pgconn_free(conn);
        pgconn_free(write);
        free(watch.allow->label);
        free(watch.allow);
        free(watch.name);
    }
}

/* Who issued one row of a certificate was found out later: that says nothing of another row of it, for which
 * a log claimed somebody else since. */
static void a_late_issuer_is_that_of_its_row(void **state)
{
    static const uint8_t no_key[1][32] = {{0}};
    struct storetest test;
    struct pgconn *conn = NULL;
    struct pgconn *write = NULL;
    struct watch watch = watches_one("x1.test", 0);
    struct history_result result;
    struct issuance issuance;
    struct arena arena;
    (void)state;
    storetest_new(&test);
    commit_one(&test, NULL, 0, (struct sort){.form = ISSUANCE_FINAL, .no_key = true});
    commit_one(&test, NULL, 1, (struct sort){.form = ISSUANCE_FINAL, .other = true});
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(pgconn_open(test.dsn, &write, NULL), ERR_OK);
    assert_true(arena_init(&arena, STORETEST_BATCH_BYTES));
    issuances_fill(&issuance, 1, &arena);
    assert_int_equal(db_late_note(conn, &issuance, no_key, 1, NULL), ERR_OK);
    watch.allow = calloc(1, sizeof *watch.allow);
    assert_non_null(watch.allow);
    watch.allow_count = 1;
    watch.allow->label = strdup("cert:demo.pem");
    memcpy(watch.allow->spki_sha256, issuance.issuer_spki_sha256, 32);
    add_domain(conn, &watch);
    assert_int_equal(history_run(conn, write, &watch, &reader, &result, NULL), ERR_OK);
    assert_int_equal(result.concerned, 2);
    issuance.issuer_spki_sha256[0] ^= 1;
    char hex[65];
    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM alert WHERE kind = 'unexpected_ca' AND severity = 'high'"
                   " AND jsonb_array_length(findings) = 1 AND findings->0->>'found' LIKE '%%spki:%s%%'",
                   text_hex(span_of(issuance.issuer_spki_sha256, 32), hex));
    check_sql(test.dsn, sql, 1);
    check_sql(test.dsn, "SELECT count(*) FROM alert", 1);
    arena_fini(&arena);
    pgconn_free(conn);
    pgconn_free(write);
    free(watch.allow->label);
    free(watch.allow);
    free(watch.name);
}

static enum err_code read_opaque(void *arg, const struct db_malformed_row *row, struct arena *arena,
                                 struct entry *entry, struct err *why)
{
    (void)arg;
    (void)arena;
    (void)why;
    entry->kind = ENTRY_OPAQUE;
    entry->leaf = row->leaf;
    entry->extra = row->extra;
    entry->findings = row->findings;
    entry->sighting.index = row->index;
    entry->sighting.timestamp_ms = row->timestamp_ms;
    return ERR_OK;
}

/* Domains that come one by one make the one alert count them all, as if they had been there. */
static void the_count_is_of_all_domains(void **state)
{
    static const struct history_reader opaque_reader = {.read = read_opaque};
    struct storetest test;
    struct pgconn *conn = NULL;
    struct pgconn *write = NULL;
    (void)state;
    storetest_new(&test);
    struct watchset *nobody = watches_set(NULL, 0);
    commit_one(&test, nobody, 0, (struct sort){.form = ISSUANCE_FINAL, .opaque = true});
    watchset_unpin(nobody);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE domain IS NULL AND kind = 'malformed'", 1);
    assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
    assert_int_equal(pgconn_open(test.dsn, &write, NULL), ERR_OK);
    for (int i = 1; i <= 3; i++) {
        char name[32];
        struct history_result result;
        (void)snprintf(name, sizeof name, "d%d.test", i);
        struct watch watch = watches_one(name, 0);
        add_domain(conn, &watch);
        assert_int_equal(history_run(conn, write, &watch, &opaque_reader, &result, NULL), ERR_OK);
        assert_int_equal(result.raised + result.nobody, 0);
        free(watch.name);
    }
    storetest_text(test.dsn,
                   "SELECT concat_ws(' ', count(*), max(jsonb_array_length(findings)),"
                   " bool_and(findings->0->>'found' LIKE '% 3 registered domains'),"
                   " max(issuance->>'domains_concerned')) FROM alert",
                   "1 1 t 3");
    pgconn_free(conn);
    pgconn_free(write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_and_after_are_the_same), cmocka_unit_test(together_is_the_same),
        cmocka_unit_test(the_word_of_a_log_is_told), cmocka_unit_test(a_late_issuer_is_that_of_its_row),
        cmocka_unit_test(the_count_is_of_all_domains)};
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "history");
}
