/* Writing a suspect range again: what was read wrongly goes with everything that came from it, what was right
 * stays. */
#include "tests/fixture/storetest.h"

#define ENTRIES 40

/* The whole content in one text, so that a repaired database can be compared with one that was never wrong.
 */
static const char content_sql[] =
    "SELECT (SELECT string_agg(concat_ws(',', encode(c.tbs_fp, 'hex'), encode(i.spki_sha256, 'hex'), "
    "c.names, c.log,"
    " c.idx, c.first_seen), ';' ORDER BY c.tbs_fp, i.spki_sha256) FROM cert AS c JOIN issuer AS i ON i.id = "
    "c.issuer)"
    " || '|' || (SELECT string_agg(t::text, ';' ORDER BY log, tile) FROM log_tile AS t)"
    " || '|' || coalesce((SELECT string_agg(encode(k.tbs_fp, 'hex') || k.apex8, ';' ORDER BY k.tbs_fp, "
    "k.apex8)"
    " FROM cert_apex AS k), '')"
    " || '|' || coalesce((SELECT string_agg(encode(p.tbs_fp, 'hex') || p.ip, ';' ORDER BY p.tbs_fp, p.ip)"
    " FROM cert_ip AS p), '')"
    " || '|' || (SELECT string_agg(concat_ws(',', encode(i.spki_sha256, 'hex'), d.day, d.n), ';'"
    " ORDER BY i.spki_sha256, d.day) FROM issued AS d JOIN issuer AS i ON i.id = d.issuer)"
    " || '|' || coalesce((SELECT string_agg(m.log || ',' || m.idx, ';' ORDER BY m.log, m.idx) FROM malformed "
    "AS m),"
    " '') || '|' || coalesce((SELECT string_agg(concat_ws(',', encode(a.tbs_fp, 'hex'), a.findings, "
    "a.first_seen, (SELECT"
    " string_agg(s.log || ':' || s.idx || s.timestamp || s.form, ' ' ORDER BY s.log, s.idx) FROM "
    "alert_sighting AS s WHERE s.alert = "
    "a.id)), ';'"
    " ORDER BY a.tbs_fp) FROM alert AS a WHERE a.state <> 'closed'), '')";

enum harm {
    HARM_NONE,
    HARM_FP,
    HARM_ISSUER,
    HARM_SHA,
    HARM_TIME,
    HARM_OPAQUE,
    HARM_OTHER_ENTRY,
    HARM_ALL,
    HARM_COUNT
};

static const char *const harm_names[] = {"none",      "fingerprint", "issuer key",    "certificate hash",
                                         "timestamp", "opaque",      "other entry's", "all of them"};

static void do_harm(struct batch *batch, size_t at, enum harm harm)
{
    struct entry *entry = &batch->entries[at];
    if (harm == HARM_FP || harm == HARM_ALL)
        entry->issuance.tbs_fp[0] ^= 1;
    if (harm == HARM_FP || harm == HARM_SHA || harm == HARM_ALL)
        entry->sighting.sha256[0] ^= 1;
    if (harm == HARM_ISSUER || harm == HARM_ALL)
        entry->issuance.issuer_spki_sha256[5] ^= 1;
    if (harm == HARM_TIME || harm == HARM_ALL)
        entry->timestamp_ms = entry->sighting.timestamp_ms = entry->timestamp_ms + 1;
    if (harm == HARM_OPAQUE) {
        entry->kind = ENTRY_OPAQUE;
        entry->issuance = (struct issuance){0};
        finding_add(&entry->findings, FINDING_LEAF_VERSION);
    }
    if (harm == HARM_OTHER_ENTRY) {
        uint64_t index = entry->index;
        *entry = batch->entries[at + 4];
        entry->index = entry->sighting.index = index;
    }
}

/* Domain 1 expects nothing of the CA of every issuance whose number is a multiple of 4, and no other key at
 * all. */
static void match(struct batch *batch)
{
    batch->watch_generation = 1;
    batch->alert_count = 0;
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct entry *entry = &batch->entries[i];
        uint8_t right[32];
        if (entry->kind == ENTRY_OPAQUE) {
            issuances_alert(batch, i, ALERT_DOMAINS_NONE, ALERT_KIND_MALFORMED, "unreadable");
            continue;
        }
        uint64_t number = entry->index / 2;
        issuances_hash("fp", number, right);
        bool wrong_fp = memcmp(right, entry->issuance.tbs_fp, 32) != 0;
        issuances_hash("issuer", number % 7, right);
        bool wrong_key = memcmp(right, entry->issuance.issuer_spki_sha256, 32) != 0;
        if (number % 4 == 0 || wrong_fp || wrong_key)
            issuances_alert(batch, i, 1, ALERT_KIND_UNEXPECTED_CA, wrong_key ? "a strange CA" : "CN=CA");
    }
}

static void read_log(struct storetest *test, struct store *store, struct store_range *range,
                     struct batch *batch, size_t at, enum harm harm)
{
    storetest_pairs(batch, &test->log[0], 0, 0, ENTRIES);
    if (harm != HARM_NONE)
        do_harm(batch, at, harm);
    match(batch);
    storetest_must_commit(store, range, batch);
}

static enum err_code repair(struct store *store, struct store_range *range, struct batch *batch, bool keep,
                            uint64_t *changed, struct err *why)
{
    struct compact frontier;
    storetest_compact(&frontier, range->next);
    struct store_settle settle = {.range = range,
                                  .next = range->next,
                                  .frontier = &frontier,
                                  .has_verified = true,
                                  .verified = &frontier,
                                  .verified_head = {.size = range->next}};
    enum err_code code = store->ops->repair_begin(store, range, why);
    if (code == ERR_OK)
        code = store->ops->repair(store, batch, changed, why);
    if (code == ERR_OK)
        code = store->ops->repair_end(store, &settle, keep, why);
    return code;
}

static void setup(struct storetest *test)
{
    storetest_new(test);
    storetest_run(test->dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
}

static void content_of(const struct storetest *test, char *out, size_t out_cap)
{
    assert_true(pgtest_sql(test->dsn, content_sql, out, out_cap));
}

static size_t length_of_same(const char *a, const char *b)
{
    size_t at = 0;
    while (a[at] != '\0' && a[at] == b[at])
        at++;
    return at;
}

/* A long stretch leaves many blocks of places; whoever mended it merges them. */
static void blocks_of_a_repair_are_merged(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    uint64_t changed = 0;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    storetest_take(store, 1, &range);
    read_log(&test, store, &range, &batch, 0, HARM_NONE);
    storetest_run(test.dsn,
                  "INSERT INTO place_block SELECT b.* FROM place_block AS b, generate_series(1, 2000)");
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    if (repair(store, &range, &batch, true, &changed, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(test.dsn, "SELECT count(*) FROM place_block WHERE level = 0", 0);
    check_sql(
        test.dsn,
        "SELECT count(*) FROM (SELECT sum(cardinality(keys)) AS n FROM place_block) AS x WHERE n > 4000", 0);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

/* Every harm, at a precertificate and at a final certificate, an alerted and a silent one. */
static void repaired_is_as_if_never_wrong(void **state)
{
    (void)state;
    static char expected[200000];
    static char got[200000];
    static const size_t places[] = {0, 1, 6, 7, 10};
    struct storetest test;
    struct batch batch;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (int harm = HARM_NONE; harm < HARM_COUNT; harm++) {
        for (size_t i = 0; i < countof(places); i++) {
            struct store_range range;
            struct err why = {0};
            uint64_t changed = 77;
            /* A final certificate's issuer is a claim of the chain: another claim is not healed by reading
             * again. */
            if (harm == HARM_ISSUER && places[i] % 2 == 1)
                continue;
            storetest_run(test.dsn,
                          "DELETE FROM cert; DELETE FROM cert_apex; DELETE FROM cert_ip; DELETE FROM issued;"
                          "DELETE FROM log_tile; DELETE FROM malformed; DELETE FROM alert;"
                          "UPDATE log_range SET verified = 0, next = 0, frontier = int8send(0)");
            storetest_take(store, 1, &range);
            read_log(&test, store, &range, &batch, places[i], (enum harm)harm);
            uint64_t epoch = range.epoch;
            storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
            match(&batch);
            if (repair(store, &range, &batch, true, &changed, &why) != ERR_OK)
                fail_msg("%s at %zu: %s", harm_names[harm], places[i], why.text);
            assert_int_equal(changed, harm == HARM_NONE || harm == HARM_ISSUER ? 0 : 1);
            assert_int_equal(range.epoch, epoch + 1);
            assert_int_equal(range.verified, ENTRIES);
            content_of(&test, got, sizeof got);
            if (harm == HARM_NONE && i == 0)
                memcpy(expected, got, sizeof expected);
            size_t same = length_of_same(expected, got);
            if (expected[same] != got[same])
                fail_msg("%s at %zu: ...%.300s\nexpected ...%.300s", harm_names[harm], places[i],
                         got + (same < 100 ? 0 : same - 100), expected + (same < 100 ? 0 : same - 100));
            storetest_check(test.dsn);
            check_sql(test.dsn,
                      "SELECT count(*) FROM outbox AS o JOIN alert AS a ON a.id = o.alert"
                      " WHERE a.state = 'closed' AND o.state = 'pending'",
                      0);
            check_sql(test.dsn,
                      "SELECT count(*) FROM alert WHERE state = 'closed' AND reason NOT LIKE 'withdrawn: %'",
                      0);
        }
    }
    store->ops->free(store);
    batch_fini(&batch);
}

static void wrong_alert_is_withdrawn(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    uint64_t changed;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    read_log(&test, store, &range, &batch, 6, HARM_ALL);
    check_sql(test.dsn, "SELECT count(*) FROM alert", 6);
    storetest_run(test.dsn, "UPDATE outbox SET state = 'sent', sent_at = now() WHERE channel = 'two'");
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    assert_int_equal(repair(store, &range, &batch, true, &changed, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE state = 'closed'", 1);
    /* Who was told of it is told of this; nobody else hears of it. */
    storetest_text(test.dsn,
                   "SELECT string_agg(o.state, ' ' ORDER BY o.channel) FROM outbox AS o JOIN alert AS a"
                   " ON a.id = o.alert WHERE a.state = 'closed'",
                   "withdrawn pending");
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE event = 'withdrawn' AND state = 'closed'", 1);
    /* The same issuance, really seen later, opens the alert again, and everybody is told. */
    storetest_run(test.dsn, "UPDATE outbox SET state = 'sent', sent_at = now() WHERE channel = 'two'");
    storetest_pairs(&batch, &test.log[0], range.next, 500, 2);
    batch.entries[0].issuance.tbs_fp[0] = 0;
    issuances_hash("fp", 3, batch.entries[0].issuance.tbs_fp);
    batch.entries[0].issuance.tbs_fp[0] ^= 1;
    issuances_alert(&batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, "really");
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE state = 'closed'", 0);
    storetest_text(test.dsn,
                   "SELECT findings->0->>'found' || jsonb_array_length(findings) || (SELECT string_agg("
                   "o.state, ' ' ORDER BY o.channel) FROM outbox AS o WHERE o.alert = a.id) FROM alert AS a"
                   " WHERE findings @> '[{\"found\": \"really\"}]'",
                   "really1pending pending");
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE event = 'seen_again' AND state = 'new'", 1);
    batch_fini(&batch);
    store->ops->free(store);
}

/* What was found out later stands while its certificate does; what only the entry said goes with it. Nobody
 * is told of either. */
static void what_was_found_later_stays(void **state)
{
    static const char open[] =
        "SELECT string_agg(concat_ws(' ', a.state, a.event, a.kind, a.severity, "
        "jsonb_array_length(a.findings),"
        " (SELECT count(*) FROM alert_sighting AS s WHERE s.alert = a.id), (SELECT string_agg(o.state, '' "
        "ORDER "
        "BY o.channel) FROM outbox AS o WHERE o.alert = a.id)), ', ' ORDER BY a.tbs_fp = sha256('fp 4'))"
        " FROM alert AS a WHERE a.tbs_fp IN (sha256('fp 4'), sha256('fp 1'))";
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    uint64_t changed;
    (void)state;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    read_log(&test, store, &range, &batch, 6, HARM_SHA);
    storetest_run(
        test.dsn,
        "INSERT INTO alert (domain, domain_name, kind, severity, tbs_fp, findings, first_seen) VALUES (1, "
        "'x.test', 'sct_not_incorporated', 'high', sha256('fp 1'), '[{\"kind\": \"sct_not_incorporated\","
        " \"rule\": \"sct\", \"severity\": \"high\", \"found\": \"no entry\"}, {\"kind\": "
        "\"unexpected_key\", \"rule\": \"keys\", \"severity\": \"low\", \"found\": \"no more\"}]', now());"
        "INSERT INTO alert_sighting SELECT id, 1, i, 'final', now() FROM alert, generate_series(2, 3) AS i"
        " WHERE tbs_fp = sha256('fp 1');"
        "INSERT INTO outbox (alert, channel) SELECT id, c FROM alert, unnest('{one,two}'::text[]) AS c"
        " WHERE tbs_fp = sha256('fp 1');"
        "UPDATE alert SET findings = '[{\"kind\": \"twin_serial\", \"rule\": \"serial\", \"severity\": "
        "\"critical\", \"found\": \"another\"}]' || findings, kind = 'twin_serial', severity = 'critical'"
        " WHERE tbs_fp = sha256('fp 4');"
        "UPDATE alert SET state = 'notified'; UPDATE outbox SET state = 'sent', sent_at = now()");
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    if (repair(store, &range, &batch, true, &changed, &why) != ERR_OK)
        fail_msg("%s", why.text);
    storetest_text(test.dsn, open,
                   "notified new sct_not_incorporated high 1 2 sentsent,"
                   " notified new twin_serial critical 2 2 sentsent");
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE state <> 'notified'", 0);
    batch_fini(&batch);
    store->ops->free(store);
}

/* A certificate that nobody ever issued takes along what was found out about it. */
static void what_was_found_of_a_wrong_one_goes(void **state)
{
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    uint64_t changed;
    (void)state;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    read_log(&test, store, &range, &batch, 6, HARM_ISSUER);
    storetest_run(test.dsn, "UPDATE alert SET findings = '[{\"kind\": \"twin_serial\", \"rule\": \"serial\","
                            " \"severity\": \"critical\", \"found\": \"another\"}]', kind = 'twin_serial'"
                            " WHERE tbs_fp = sha256('fp 3')");
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    if (repair(store, &range, &batch, true, &changed, &why) != ERR_OK)
        fail_msg("%s", why.text);
    storetest_text(test.dsn, "SELECT state || event FROM alert WHERE tbs_fp = sha256('fp 3')",
                   "closedwithdrawn");
    batch_fini(&batch);
    store->ops->free(store);
}

static void another_sighting_keeps_the_row(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct store_range other;
    struct batch batch;
    struct err why = {0};
    uint64_t changed;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    storetest_take(store, 2, &other);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    read_log(&test, store, &range, &batch, 10, HARM_OTHER_ENTRY); /* number 7 is first seen at 10 */
    storetest_pairs(&batch, &test.log[1], 0, 5, 10);
    storetest_must_commit(store, &other, &batch);
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    assert_int_equal(repair(store, &range, &batch, true, &changed, &why), ERR_OK);
    check_sql(test.dsn, "SELECT count(*) FROM cert", 20);
    storetest_text(test.dsn, "SELECT log || ':' || idx FROM cert WHERE tbs_fp = sha256('fp 7')", "2:4");
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

static void given_up_leaves_no_trace(void **state)
{
    (void)state;
    static char before[200000];
    static char after[200000];
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    uint64_t changed;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    read_log(&test, store, &range, &batch, 6, HARM_ALL);
    content_of(&test, before, sizeof before);
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    assert_int_equal(repair(store, &range, &batch, false, &changed, &why), ERR_OK);
    content_of(&test, after, sizeof after);
    assert_string_equal(before, after);
    /* Domains that changed meanwhile, a range that was taken over, a connection that was killed: nothing
     * either. */
    storetest_run(test.dsn, "UPDATE domain_generation SET generation = 2");
    assert_int_equal(repair(store, &range, &batch, true, &changed, &why), ERR_DB_CONFLICT);
    storetest_run(test.dsn,
                  "UPDATE domain_generation SET generation = 1; UPDATE log_range SET epoch = epoch + 1");
    assert_int_equal(repair(store, &range, &batch, true, &changed, &why), ERR_DB_CONFLICT);
    range.epoch++;
    assert_int_equal(store->ops->repair_begin(store, &range, &why), ERR_OK);
    storetest_run(test.dsn,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ctvigil'"
                  " AND datname = current_database() AND pid <> pg_backend_pid()");
    err_clear(&why);
    assert_int_equal(store->ops->repair(store, &batch, &changed, &why), ERR_DB_DOWN);
    content_of(&test, after, sizeof after);
    assert_string_equal(before, after);
    err_clear(&why);
    if (repair(store, &range, &batch, true, &changed, &why) != ERR_OK)
        fail_msg("%s", why.text);
    batch_fini(&batch);
    store->ops->free(store);
}

/* The probe's question: every harm is seen, except the claim of a chain, and asking changes nothing. */
static void differences_are_seen(void **state)
{
    (void)state;
    static char before[200000];
    static char after[200000];
    struct storetest test;
    struct batch batch;
    setup(&test);
    struct store *store = storetest_open(test.dsn);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (int harm = HARM_NONE; harm < HARM_COUNT; harm++) {
        for (size_t place = 6; place < 8; place++) {
            struct store_range range;
            struct err why = {0};
            bool differs = false;
            storetest_run(test.dsn,
                          "DELETE FROM cert; DELETE FROM cert_apex; DELETE FROM cert_ip; DELETE FROM issued;"
                          "DELETE FROM log_tile; DELETE FROM malformed; DELETE FROM alert;"
                          "UPDATE log_range SET verified = 0, next = 0, frontier = int8send(0)");
            storetest_take(store, 1, &range);
            read_log(&test, store, &range, &batch, place, (enum harm)harm);
            content_of(&test, before, sizeof before);
            storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
            if (store->ops->differs(store, &batch, &differs, &why) != ERR_OK)
                fail_msg("%s at %zu: %s", harm_names[harm], place, why.text);
            bool expected = harm != HARM_NONE && !(harm == HARM_ISSUER && place == 7);
            if (differs != expected)
                fail_msg("%s at %zu: %s", harm_names[harm], place, differs ? "differs" : "is the same");
            content_of(&test, after, sizeof after);
            assert_string_equal(before, after);
        }
    }
    store->ops->free(store);
    /* An issuer that nobody has stored is a difference, too, and asking about it leaves nothing open. */
    storetest_run(test.dsn, "TRUNCATE cert, cert_apex, cert_ip, issued, issuer CASCADE");
    store = storetest_open(test.dsn);
    bool differs = false;
    struct err why = {0};
    assert_int_equal(store->ops->differs(store, &batch, &differs, &why), ERR_OK);
    assert_true(differs);
    assert_int_equal(pgtest_count(test.dsn, "SELECT count(*) FROM pg_stat_activity WHERE datname ="
                                            " current_database() AND state LIKE 'idle in transaction%'"),
                     0);
    store->ops->free(store);
    batch_fini(&batch);
}

/* A process that stops in the middle of a repair keeps nobody from taking its range over and going on, and
 * what it did comes to nothing when it wakes. */
static void a_sleeper_is_taken_over(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct store_range other;
    struct batch batch;
    struct err why = {0};
    uint64_t changed;
    setup(&test);
    struct store *sleeper = storetest_open(test.dsn);
    struct store *mender = storetest_open(test.dsn);
    storetest_take(sleeper, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    read_log(&test, sleeper, &range, &batch, 6, HARM_ALL);
    assert_int_equal(mender->ops->repair_begin(mender, &range, &why), ERR_OK);
    sleeper->ops->free(sleeper); /* its lock is gone, as with a session that was silent too long */
    struct store *heir = storetest_open(test.dsn);
    storetest_take(heir, 1, &other);
    assert_true(other.epoch > range.epoch);
    storetest_pairs(&batch, &test.log[0], ENTRIES, 300, 4);
    match(&batch);
    storetest_must_commit(heir, &other, &batch);
    storetest_pairs(&batch, &test.log[0], 0, 0, ENTRIES);
    match(&batch);
    struct compact frontier;
    storetest_compact(&frontier, range.next);
    struct store_settle settle = {.range = &range,
                                  .next = range.next,
                                  .frontier = &frontier,
                                  .has_verified = true,
                                  .verified = &frontier,
                                  .verified_head = {.size = range.next}};
    assert_int_equal(mender->ops->repair(mender, &batch, &changed, &why), ERR_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(mender->ops->repair_end(mender, &settle, true, &why), ERR_DB_CONFLICT);
    check_sql(test.dsn, "SELECT next FROM log_range WHERE log = 1", ENTRIES + 4);
    check_sql(test.dsn, "SELECT verified FROM log_range WHERE log = 1", 0);
    storetest_check(test.dsn);
    batch_fini(&batch);
    mender->ops->free(mender);
    heir->ops->free(heir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_a_repair_are_merged),
        cmocka_unit_test(repaired_is_as_if_never_wrong),
        cmocka_unit_test(wrong_alert_is_withdrawn),
        cmocka_unit_test(what_was_found_later_stays),
        cmocka_unit_test(what_was_found_of_a_wrong_one_goes),
        cmocka_unit_test(another_sighting_keeps_the_row),
        cmocka_unit_test(given_up_leaves_no_trace),
        cmocka_unit_test(differences_are_seen),
        cmocka_unit_test(a_sleeper_is_taken_over),
    };
    return storetest_main(tests, countof(tests), "store_repair");
}
