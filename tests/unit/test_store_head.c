/* Signed heads of the store: their times, and which ones fit the tree. */
#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/limits.h"

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

static struct head put(struct fixture *fix, uint64_t size, uint8_t root, int64_t timestamp_ms,
                       const char *raw)
{
    struct head head = {.size = size, .timestamp_ms = timestamp_ms, .raw = span_str(raw)};
    bool fork;
    memset(head.root, root, sizeof head.root);
    check_ok(fix, fix->store->ops->head(fix->store, 1, &head, &fork, NULL, &fix->why));
    return head;
}

static void judged_heads_are_no_claims_any_more(void **state)
{
    (void)state;
    struct fixture fix;
    struct head heads[8];
    size_t count;
    fixture_start(&fix);
    (void)put(&fix, 0, 9, 1, "empty");
    struct head ten = put(&fix, 10, 1, 1, "ten");
    struct head twenty = put(&fix, 20, 2, 1, "twenty");
    (void)put(&fix, 30, 3, 1, "thirty");
    (void)put(&fix, 40, 4, 1, "forty");
    (void)put(&fix, 50, 5, 1, "fifty");
    storetest_run(fix.test.dsn,
                  "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account, path)"
                  " VALUES (1, 'fork', 30, 30, '', '{}', '')");
    /* A fork settles the heads that it is about, and no others of that size; a root that did not fit settles
     * nothing. */
    (void)put(&fix, 40, 44, 1, "of a fork");
    (void)put(&fix, 40, 45, 1, "of a fork, too");
    storetest_run(
        fix.test.dsn,
        "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account, head_root, other_root)"
        " VALUES (1, 'fork', 40, 40, '', '{}', decode(repeat('2c', 32), 'hex'),"
        " decode(repeat('2d', 32), 'hex')), (1, 'root_mismatch', 5, 20, '', '{}',"
        " decode(repeat('02', 32), 'hex'), NULL)");
    check_ok(&fix, fix.store->ops->claims(fix.store, 1, 50, heads, countof(heads), &count, &fix.why));
    assert_int_equal(count, 3); /* not 0, nor 30, nor 50 */
    assert_int_equal(heads[0].size, 40);
    assert_true(span_eq(heads[2].raw, SPAN_LIT("ten")));
    check_ok(&fix, fix.store->ops->claims(fix.store, 1, 40, heads, 1, &count, &fix.why));
    assert_int_equal(count, 1);
    assert_int_equal(heads[0].size, 20);
    check_ok(&fix, fix.store->ops->claim_judged(fix.store, 1, &ten, true, &fix.why));
    check_ok(&fix, fix.store->ops->claim_judged(fix.store, 1, &twenty, false, &fix.why));
    check_ok(&fix, fix.store->ops->claim_judged(fix.store, 1, &twenty, true, &fix.why)); /* too late */
    check_ok(&fix, fix.store->ops->claims(fix.store, 1, 50, heads, countof(heads), &count, &fix.why));
    assert_int_equal(count, 1);
    assert_int_equal(heads[0].size, 40);
    bool refuted = true;
    check_ok(&fix, fix.store->ops->refuted(fix.store, 1, &ten, &refuted, &fix.why));
    assert_false(refuted);
    check_ok(&fix, fix.store->ops->refuted(fix.store, 1, &twenty, &refuted, &fix.why));
    assert_true(refuted);
    storetest_text(fix.test.dsn,
                   "SELECT string_agg(size || ':' || verified || ':' || denied, ' ' ORDER BY size)"
                   " FROM log_head WHERE size IN (10, 20)",
                   "10:true:false 20:false:true");
    fix.store->ops->free(fix.store);
}

/* Thousands of signed heads that nothing can be compared with fill no disk. The ones that prove something
 * stay, and so do the largest, the newest, and those that are verified. */
static void a_flood_of_heads_is_thinned(void **state)
{
    (void)state;
    struct fixture fix;
    char sql[512];
    const char *dsn = fix.test.dsn;
    fixture_start(&fix);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO log_head (log, size, root, timestamp, raw, verified, denied)"
                   " SELECT 1, 1000 + i, sha256(i::text::bytea), now(), 'raw', i %% 100 = 0, i %% 2 = 1"
                   " FROM generate_series(1, %d) AS i",
                   (int)LIMIT_HEADS_OPEN * 100 / 99 + 1);
    storetest_run(dsn, sql);
    storetest_run(
        dsn,
        "INSERT INTO evidence (log, kind, range_begin, range_end, sentence, account, head_root, other_root)"
        " VALUES (1, 'fork', 1001, 1001, '', '{}', sha256('1'), sha256('3')),"
        " (2, 'fork', 1001, 1001, '', '{}', sha256('5'), NULL)");
    int64_t before = pgtest_count(dsn, "SELECT count(*) FROM log_head WHERE NOT verified");
    int64_t verified = pgtest_count(dsn, "SELECT count(*) FROM log_head WHERE verified");
    assert_true(before == LIMIT_HEADS_OPEN || before == LIMIT_HEADS_OPEN + 1);
    int64_t open = pgtest_count(dsn, "SELECT count(*) FROM log_claim WHERE log = 1");
    (void)put(&fix, 2000, 77, 1, "new");
    (void)put(&fix, 2000, 78, 1, "newer");
    check_sql(dsn, "SELECT count(*) FROM log_head WHERE verified", verified);
    int64_t after = pgtest_count(dsn, "SELECT count(*) FROM log_head WHERE NOT verified");
    assert_in_range(after, LIMIT_HEADS_OPEN - LIMIT_HEADS_OPEN / 8, LIMIT_HEADS_OPEN);
    check_sql(dsn, "SELECT count(*) FROM log_head WHERE root IN (sha256('1'), sha256('3'))", 2);
    check_sql(dsn, "SELECT count(*) FROM log_head WHERE raw = 'newer'", 1);
    check_sql(dsn, "SELECT count(*) FROM log_head AS h WHERE size = (SELECT max(size) FROM log_head)", 1);
    check_sql(dsn, "SELECT count(*) FROM log_claim WHERE log = 1", open + 2); /* judged ones go first */
    /* The same head again is no reason to look. */
    (void)put(&fix, 2000, 78, 2, "newer");
    check_sql(dsn, "SELECT count(*) FROM log_head WHERE NOT verified", after);
    fix.store->ops->free(fix.store);
}

/* The log is well again when it shows a good head after wrong signatures, and only if that was all. */
static void a_good_signature_ends_what_wrong_ones_began(void **state)
{
    static const char say[] =
        "SELECT (SELECT state FROM log WHERE id = 1) || ' ' || count(*) FROM evidence_open";
    (void)state;
    struct fixture fix;
    fixture_start(&fix);
    (void)put(&fix, 10, 1, 1, "ten");
    struct store_evidence evidence = {.log_id = 1,
                                      .kind = "bad_signature",
                                      .begin = 10,
                                      .end = 10,
                                      .json = SPAN_LIT("{}"),
                                      .path = "",
                                      .sentence = "signed by nobody"};
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    storetest_text(fix.test.dsn, say, "inconsistent 1");
    (void)put(&fix, 10, 1, 2, "ten again");
    storetest_text(fix.test.dsn, say, "active 0");
    evidence.begin = evidence.end = 11;
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    evidence.kind = "fork";
    check_ok(&fix, fix.store->ops->inconsistent(fix.store, &evidence, &fix.why));
    (void)put(&fix, 12, 2, 3, "twelve");
    storetest_text(fix.test.dsn, say, "inconsistent 1");
    fix.store->ops->free(fix.store);
}

/* A signed time is kept as it is; of the future it gives way to any other one of the same tree. */
static void times_are_kept_as_signed(void **state)
{
    (void)state;
    struct fixture fix;
    struct head heads[2];
    size_t count;
    int64_t now_ms = clock_wall_ms();
    static const char sql[] = "SELECT timestamp_ms::text || ' ' || convert_from(raw, 'UTF8') FROM log_head";
    char text[64];
    fixture_start(&fix);
    (void)put(&fix, 10, 1, INT64_MAX, "never");
    storetest_text(fix.test.dsn, sql, "9223372036854775807 never");
    check_ok(&fix, fix.store->ops->heads(fix.store, 1, 0, heads, countof(heads), &count, &fix.why));
    assert_true(count == 1 && heads[0].timestamp_ms == INT64_MAX);
    (void)put(&fix, 10, 1, now_ms, "now");
    snprintf(text, sizeof(text), "%" PRId64 " now", now_ms);
    storetest_text(fix.test.dsn, sql, text);
    (void)put(&fix, 10, 1, now_ms - 5000, "older");
    storetest_text(fix.test.dsn, sql, text);
    storetest_run(fix.test.dsn, "UPDATE log_head SET seen_last = now() - interval '1 hour'");
    (void)put(&fix, 10, 1, now_ms - 5000, "older");
    storetest_text(fix.test.dsn, sql, text);
    storetest_text(fix.test.dsn, "SELECT (now() - seen_last < interval '10 min')::text FROM log_head",
                   "true");
    fix.store->ops->free(fix.store);
}

static void other_entries_are_told_by_what_the_leaf_says(void **state)
{
    enum { SAME, FP, TIME, FORM, ISSUER, SHA, OPAQUE, BEYOND, GAP, CASES };
    static const bool other[CASES] = {[FP] = true, [TIME] = true, [FORM] = true};
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct batch batch;
    fixture_start(&fix);
    must(batch_init(&batch, LIMIT_BATCH_BYTES));
    storetest_take(fix.store, 1, &range);
    storetest_pairs(&batch, &fix.test.log[0], 0, 0, 300);
    storetest_must_commit(fix.store, &range, &batch);
    for (int what = 0; what < CASES; what++) {
        bool others = !other[what];
        storetest_pairs(&batch, &fix.test.log[0], 0, 0, 300);
        struct entry *entry = &batch.entries[257];
        if (what == FP)
            entry->issuance.tbs_fp[0] ^= 1;
        if (what == TIME)
            entry->timestamp_ms++;
        if (what == FORM)
            entry->sighting.form = entry->sighting.form == ISSUANCE_FINAL ? ISSUANCE_PRECERT : ISSUANCE_FINAL;
        if (what == ISSUER)
            entry->issuance.issuer_spki_sha256[0] ^= 1; /* of a final certificate: nothing that is hashed */
        if (what == SHA)
            entry->sighting.sha256[0] ^= 1; /* of a precertificate: neither */
        if (what == OPAQUE)
            entry->kind = ENTRY_OPAQUE;
        if (what == BEYOND)
            entry->index = 300; /* not stored: no other */
        if (what == GAP)        /* neither, with what is stored on both sides of it */
            storetest_run(fix.test.dsn, "UPDATE log_tile SET fp8[2] = 0, info = overlay(info PLACING"
                                        " decode('000000000000030000', 'hex') FROM 10) WHERE tile = 1");
        if (fix.store->ops->others(fix.store, &batch, &others, &fix.why) != ERR_OK)
            fail_msg("%d: %s", what, fix.why.text);
        if (others != other[what])
            fail_msg("case %d", what);
    }
    batch_fini(&batch);
    fix.store->ops->free(fix.store);
}

/* An older version stored a final certificate with the poison as a precertificate: a log that shows it again
 * contradicts nothing, and there is nothing to mend. */
static void what_is_poisoned_was_stored_as_a_precertificate(void **state)
{
    static const struct {
        int stored;
        enum issuance_form now;
        bool other;
    } cases[] = {{4, ISSUANCE_POISONED, false}, {1, ISSUANCE_POISONED, false}, {0, ISSUANCE_POISONED, true},
                 {4, ISSUANCE_FINAL, true},     {4, ISSUANCE_PRECERT, true},   {1, ISSUANCE_PRECERT, false}};
    static const struct issuances_entry spec = {1, ISSUANCE_POISONED, false};
    (void)state;
    struct fixture fix;
    struct store_range range;
    struct batch batch;
    fixture_start(&fix);
    must(batch_init(&batch, LIMIT_BATCH_BYTES));
    storetest_take(fix.store, 1, &range);
    issuances_batch(&batch, &fix.test.log[0], 0, &spec, 1);
    storetest_must_commit(fix.store, &range, &batch);
    check_sql(fix.test.dsn, "SELECT count(*) FROM ct.sightings WHERE form = 'poisoned'", 1);
    for (size_t i = 0; i < countof(cases); i++) {
        bool others = !cases[i].other;
        bool differs = !cases[i].other;
        struct store_place place;
        char sql[100];
        (void)snprintf(sql, sizeof sql, "UPDATE log_tile SET info = set_byte(info, 6, %d)", cases[i].stored);
        storetest_run(fix.test.dsn, sql);
        batch.entries[0].sighting.form = cases[i].now;
        check_ok(&fix, fix.store->ops->others(fix.store, &batch, &others, &fix.why));
        check_ok(&fix, fix.store->ops->differs(fix.store, &batch, &differs, &fix.why));
        if (others != cases[i].other || differs != cases[i].other)
            fail_msg("case %zu", i);
        check_ok(&fix, fix.store->ops->places(fix.store, 1, 0, &place, 1, &fix.why));
        assert_true(place.known && place.precert == (cases[i].stored != 0));
    }
    batch_fini(&batch);
    fix.store->ops->free(fix.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judged_heads_are_no_claims_any_more),
        cmocka_unit_test(a_flood_of_heads_is_thinned),
        cmocka_unit_test(a_good_signature_ends_what_wrong_ones_began),
        cmocka_unit_test(times_are_kept_as_signed),
        cmocka_unit_test(other_entries_are_told_by_what_the_leaf_says),
        cmocka_unit_test(what_is_poisoned_was_stored_as_a_precertificate),
    };
    return storetest_main(tests, countof(tests), "store_head");
}
