/* Certificates that are kept whole, and rows for registered domains alone: by real commits against a real
 * server. */
#include "tests/fixture/storetest.h"

#include "db/db_der.h"
#include "db/derput.h"

/* Gives every entry the bytes it was made of: the same for each form of an issuance. */
static void give_der(struct batch *batch, size_t len)
{
    for (size_t i = 0; i < batch->entry_count; i++) {
        struct entry *entry = &batch->entries[i];
        uint8_t *der = arena_take(&batch->arena, len, 1);
        assert_non_null(der);
        for (size_t at = 0; at < len; at++)
            der[at] = (uint8_t)(entry->issuance.tbs_fp[at % 32] + at / 32 + (unsigned)entry->sighting.form);
        if (entry->kind == ENTRY_X509)
            entry->cert_der = span_of(der, len);
        else
            entry->unverified_precert = span_of(der, len);
        dbkey_sha256(span_of(der, len), entry->sighting.sha256);
    }
    batch->watch_generation = 1;
}

struct seen {
    size_t count;
    size_t len;
    uint8_t sha256[32];
};

static bool on_der(void *arg, struct span der)
{
    struct seen *seen = arg;
    seen->count++;
    seen->len = der.len;
    dbkey_sha256(der, seen->sha256);
    return true;
}

static bool has(struct pgconn *conn, const uint8_t sha256[32])
{
    struct err why = {0};
    struct seen seen = {0};
    bool found = false;
    assert_int_equal(db_der_find(conn, sha256, on_der, &seen, &found, &why), ERR_OK);
    return found && memcmp(seen.sha256, sha256, 32) == 0;
}

struct rig {
    struct storetest test;
    struct store *store;
    struct store_range range[2];
    struct batch batch;
    struct pgconn *conn;
};

static void begin(struct rig *rig, enum store_pg_store rows, enum store_pg_der der)
{
    struct err why = {0};
    storetest_new(&rig->test);
    rig->store = storetest_open(rig->test.dsn);
    assert_true(store_pg_keep(rig->store, rows, der));
    storetest_take(rig->store, 1, &rig->range[0]);
    storetest_take(rig->store, 2, &rig->range[1]);
    assert_true(batch_init(&rig->batch, STORETEST_BATCH_BYTES));
    assert_int_equal(pgconn_open(rig->test.dsn, &rig->conn, &why), ERR_OK);
}

static void end(struct rig *rig)
{
    storetest_check(rig->test.dsn);
    pgconn_free(rig->conn);
    batch_fini(&rig->batch);
    rig->store->ops->free(rig->store);
}

static void each_form_is_kept_once(void **state)
{
    struct rig rig;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 400);
    give_der(&rig.batch, 900);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", 400);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk WHERE cardinality(sha8) > 64", 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk WHERE whole AND cardinality(sha8) <> 64", 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk WHERE whole", 5);
    for (size_t i = 0; i < 400; i += 17)
        assert_true(has(rig.conn, rig.batch.entries[i].sighting.sha256));
    /* SQL has the hashes of the final certificates, under the fingerprints of both forms. */
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert_sha256 WHERE NOT precert", 200);
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM cert AS c JOIN cert_sha256 AS h USING (tbs_fp, issuer, not_after)"
              " JOIN log_tile AS t ON t.sha8 @> ARRAY[ct.prefix8(h.sha256)] AND t.fp8 @> "
              "ARRAY[ct.prefix8(c.tbs_fp)]",
              200);
    /* In the month of their not_after. */
    check_sql(
        rig.test.dsn,
        "SELECT count(DISTINCT month) - (SELECT count(DISTINCT date_trunc('month', not_after AT TIME ZONE"
        " 'UTC')) FROM cert) FROM der_chunk",
        0);
    check_sql(
        rig.test.dsn,
        "SELECT count(*) FROM der_chunk WHERE month NOT IN (SELECT date_trunc('month', not_after AT TIME"
        " ZONE 'UTC') FROM cert)",
        0);
    /* Another log, and another writer that remembers nothing: nothing comes in twice. */
    storetest_pairs(&rig.batch, &rig.test.log[1], 0, 0, 400);
    give_der(&rig.batch, 900);
    storetest_must_commit(rig.store, &rig.range[1], &rig.batch);
    assert_true(store_pg_keep(rig.store, STORE_PG_ALL, STORE_PG_DER_ALL));
    storetest_pairs(&rig.batch, &rig.test.log[0], 400, 0, 402);
    give_der(&rig.batch, 900);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", 402);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert_sha256", 201);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert_sha256 WHERE xmax <> 0", 0); /* nor was one locked */
    end(&rig);
}

/* A precertificate that is alone is known by its own hash until the final certificate comes, in whatever
 * order. */
static void the_final_one_is_known(void **state)
{
    struct rig rig;
    char text[160];
    char hex[65];
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    for (int turn = 0; turn < 3;
         turn++) { /* the precertificate, the final one, the precertificate elsewhere */
        struct issuances_entry spec = {0, turn == 1 ? ISSUANCE_FINAL : ISSUANCE_PRECERT, false};
        issuances_batch(&rig.batch, &rig.test.log[turn == 2], turn == 2 ? 0 : (uint64_t)turn, &spec, 1);
        give_der(&rig.batch, 900);
        storetest_must_commit(rig.store, &rig.range[turn == 2], &rig.batch);
        if (turn < 2)
            text_hex(span_of(rig.batch.entries[0].sighting.sha256, 32), hex);
        (void)snprintf(text, sizeof text, "%s %s", hex, turn == 0 ? "t" : "f");
        storetest_text(
            rig.test.dsn,
            "SELECT string_agg(concat_ws(' ', encode(sha256, 'hex'), precert), ',') FROM cert_sha256", text);
    }
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 1);
    end(&rig);
}

static void what_was_rolled_back_is_not_remembered(void **state)
{
    struct rig rig;
    struct err why = {0};
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    storetest_run(rig.test.dsn, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE"
                                " 'no'; END $$; CREATE TRIGGER no BEFORE UPDATE ON log_range FOR EACH ROW"
                                " EXECUTE FUNCTION no()");
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 40);
    give_der(&rig.batch, 900);
    assert_int_not_equal(storetest_commit(rig.store, &rig.range[0], &rig.batch, &why), ERR_OK);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk", 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert_sha256", 0);
    storetest_run(rig.test.dsn, "DROP TRIGGER no ON log_range");
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", 40);
    end(&rig);
}

static void watched_and_none(void **state)
{
    static const struct {
        enum store_pg_store store;
        enum store_pg_der der;
        int64_t certs;
        int64_t forms;
        int64_t thin;
    } rows[] = {
        {STORE_PG_ALL, STORE_PG_DER_NONE, 50, 0, 0},         {STORE_PG_ALL, STORE_PG_DER_WATCHED, 50, 3, 0},
        {STORE_PG_ALL, STORE_PG_DER_ALL, 50, 100, 0},        {STORE_PG_WATCHED, STORE_PG_DER_NONE, 3, 0, 100},
        {STORE_PG_WATCHED, STORE_PG_DER_WATCHED, 3, 3, 100}, {STORE_PG_WATCHED, STORE_PG_DER_ALL, 3, 4, 100},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct rig rig;
        begin(&rig, rows[i].store, rows[i].der);
        storetest_run(rig.test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
        storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 100);
        give_der(&rig.batch, 700);
        /* Both forms of number 5 concern a domain, and one of number 7 could; number 9 is a CA. */
        issuances_alert(&rig.batch, 10, 1, ALERT_KIND_UNEXPECTED_CA, "x");
        issuances_alert(&rig.batch, 11, 1, ALERT_KIND_UNEXPECTED_CA, "x");
        issuances_alert(&rig.batch, 14, ALERT_DOMAINS_NONE, ALERT_KIND_MALFORMED, "x");
        rig.batch.entries[18].issuance.cert_flags |= CERT_IS_CA;
        storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
        check_sql(rig.test.dsn, "SELECT count(*) FROM cert", rows[i].certs);
        check_sql(rig.test.dsn, "SELECT coalesce(sum(cardinality(sha8)), 0) FROM der_chunk", rows[i].forms);
        check_sql(rig.test.dsn, "SELECT coalesce(sum(range_end - range_begin), 0) FROM log_thin",
                  rows[i].thin);
        check_sql(rig.test.dsn, "SELECT cardinality(fp8) FROM log_tile", 100);
        check_sql(rig.test.dsn, "SELECT count(*) FROM alert", 2);
        end(&rig);
    }
}

/* A domain that comes later finds what is seen from then on, also of what was left out before. */
static void what_was_left_out_is_not_taken_for_stored(void **state)
{
    struct rig rig;
    (void)state;
    begin(&rig, STORE_PG_WATCHED, STORE_PG_DER_WATCHED);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 10);
    give_der(&rig.batch, 700);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 0);
    storetest_run(rig.test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    storetest_pairs(&rig.batch, &rig.test.log[1], 0, 0, 10);
    give_der(&rig.batch, 700);
    issuances_alert(&rig.batch, 4, 1, ALERT_KIND_UNEXPECTED_CA, "x");
    storetest_must_commit(rig.store, &rig.range[1], &rig.batch);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert WHERE log = 2 AND idx = 4", 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 1);
    assert_true(has(rig.conn, rig.batch.entries[4].sighting.sha256));
    /* The two stretches grow, and the domain came after the first began. */
    storetest_pairs(&rig.batch, &rig.test.log[0], 10, 5, 10);
    give_der(&rig.batch, 700);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    storetest_text(
        rig.test.dsn,
        "SELECT string_agg(concat_ws(':', log, range_begin, range_end), ' ' ORDER BY log) FROM log_thin",
        "1:0:20 2:0:10");
    storetest_text(
        rig.test.dsn,
        "SELECT string_agg(concat_ws(':', log, state, entries, thin), ' ' ORDER BY log) FROM coverage",
        "1:seen:20:20 2:seen:10:10");
    storetest_text(rig.test.dsn, "SELECT concat_ws(' ', name, stretches, entries) FROM domain_thin",
                   "x.test 1 20");
    end(&rig);
}

/* A batch that nobody matched may concern everybody. */
static void unmatched_is_not_left_out(void **state)
{
    struct rig rig;
    (void)state;
    begin(&rig, STORE_PG_WATCHED, STORE_PG_DER_WATCHED);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 10);
    give_der(&rig.batch, 700);
    rig.batch.watch_generation = 0;
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 5);
    check_sql(rig.test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", 10);
    end(&rig);
}

/* What a repair reads anew is kept by the same rules, and takes no row that is stored away. */
static void repair_keeps_by_the_same_rules(void **state)
{
    struct rig rig;
    struct compact frontier;
    struct err why = {0};
    uint64_t changed = 0;
    bool differs = true;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_NONE);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 20);
    give_der(&rig.batch, 700);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    assert_true(store_pg_keep(rig.store, STORE_PG_WATCHED, STORE_PG_DER_WATCHED));
    assert_int_equal(rig.store->ops->differs(rig.store, &rig.batch, &differs, &why), ERR_OK);
    assert_false(differs);
    storetest_compact(&frontier, 20);
    struct store_settle settle = {.range = &rig.range[0], .next = 20, .frontier = &frontier};
    assert_int_equal(rig.store->ops->repair_begin(rig.store, &rig.range[0], &why), ERR_OK);
    if (rig.store->ops->repair(rig.store, &rig.batch, &changed, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(changed, 0);
    if (rig.store->ops->repair_end(rig.store, &settle, true, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 10);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk", 0);
    end(&rig);
}

/* The same issuance under another key, as another chain claims it, has a hash of its own. */
static void each_key_has_its_hash(void **state)
{
    struct rig rig;
    struct issuances_entry spec = {3, ISSUANCE_FINAL, false};
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    for (size_t log = 0; log < 2; log++) {
        issuances_batch(&rig.batch, &rig.test.log[log], 0, &spec, 1);
        give_der(&rig.batch, 700 + log);
        rig.batch.entries[0].issuance.issuer_spki_sha256[5] ^= (uint8_t)log;
        storetest_must_commit(rig.store, &rig.range[log], &rig.batch);
    }
    check_sql(rig.test.dsn,
              "SELECT count(DISTINCT (f.certificate).sha256) FROM crtsh.found AS f JOIN log_tile AS t"
              " ON t.log = (f.certificate).id >> 40 WHERE t.sha8[1] = ct.prefix8((f.certificate).sha256)",
              2);
    end(&rig);
}

/* A log served one final certificate with other bytes of the signature, and another one in the place of its
 * neighbour, which it really has elsewhere. */
static void a_wrong_hash_goes_with_the_repair(void **state)
{
    struct rig rig;
    struct compact frontier;
    struct err why = {0};
    uint64_t changed = 0;
    char hex[65];
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    static const struct issuances_entry served[] = {
        {0, ISSUANCE_FINAL, false}, {5, ISSUANCE_FINAL, false}, {2, ISSUANCE_FINAL, false}};
    static const struct issuances_entry really[] = {
        {0, ISSUANCE_FINAL, false}, {1, ISSUANCE_FINAL, false}, {2, ISSUANCE_FINAL, false}};
    issuances_batch(&rig.batch, &rig.test.log[1], 0, &served[1], 1);
    give_der(&rig.batch, 700);
    text_hex(span_of(rig.batch.entries[0].sighting.sha256, 32), hex);
    storetest_must_commit(rig.store, &rig.range[1], &rig.batch);
    issuances_batch(&rig.batch, &rig.test.log[0], 0, served, 3);
    give_der(&rig.batch, 700);
    rig.batch.entries[0].sighting.sha256[31] ^= 1;
    rig.batch.entries[0].sighting.sha256[0] ^= 1;
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    issuances_batch(&rig.batch, &rig.test.log[0], 0, really, 3);
    give_der(&rig.batch, 700);
    storetest_compact(&frontier, 3);
    struct store_settle settle = {.range = &rig.range[0], .next = 3, .frontier = &frontier};
    assert_true(store_pg_keep(rig.store, STORE_PG_ALL, STORE_PG_DER_ALL));
    assert_int_equal(rig.store->ops->repair_begin(rig.store, &rig.range[0], &why), ERR_OK);
    assert_int_equal(rig.store->ops->repair(rig.store, &rig.batch, &changed, &why), ERR_OK);
    assert_int_equal(changed, 2);
    if (rig.store->ops->repair_end(rig.store, &settle, true, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert_sha256", 4);
    for (size_t i = 0; i < 4; i++) { /* that from elsewhere, and what the log really has */
        char sql[160];
        if (i != 0)
            text_hex(span_of(rig.batch.entries[i - 1].sighting.sha256, 32), hex);
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM cert_sha256 WHERE sha256 = '\\x%s'", hex);
        check_sql(rig.test.dsn, sql, 1);
    }
    end(&rig);
}

/* A commit elsewhere may bring the same certificates while a repair is waiting for its log, and the two are
 * driven by one thread: so until the end the repair has nothing that anybody could wait for. */
static void repair_locks_nothing_while_it_reads(void **state)
{
    struct rig rig;
    struct compact frontier;
    struct err why = {0};
    uint64_t changed = 0;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    storetest_run(rig.test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    struct issuances_entry spec[] = {{3, ISSUANCE_PRECERT, false}, {4, ISSUANCE_FINAL, false}};
    issuances_batch(&rig.batch, &rig.test.log[0], 0, spec, 2);
    give_der(&rig.batch, 700);
    rig.batch.entries[1].issuance.not_after = CERT_TIME_MAX;
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    struct store *mender = storetest_open(rig.test.dsn);
    assert_true(store_pg_keep(mender, STORE_PG_ALL, STORE_PG_DER_ALL));
    rig.batch.entries[1].cert.sct_list = SPAN_LIT("some");
    for (size_t i = 0; i < 2; i++)
        issuances_alert(&rig.batch, i, 1, ALERT_KIND_UNEXPECTED_CA, "x");
    storetest_compact(&frontier, 2);
    struct store_settle settle = {.range = &rig.range[0], .next = 2, .frontier = &frontier};
    assert_int_equal(mender->ops->repair_begin(mender, &rig.range[0], &why), ERR_OK);
    if (mender->ops->repair(mender, &rig.batch, &changed, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(rig.test.dsn,
              "SELECT count(*) FROM pg_locks WHERE relation IN ('cert_sha256'::regclass,"
              " 'pair_look'::regclass, 'sct_look'::regclass, 'domain'::regclass) AND mode <> "
              "'AccessShareLock'",
              0);
    /* The final one of what is being repaired, as another log shows it. */
    struct batch other;
    spec[0].form = ISSUANCE_FINAL;
    assert_true(batch_init(&other, STORETEST_BATCH_BYTES));
    issuances_batch(&other, &rig.test.log[1], 0, spec, 1);
    give_der(&other, 700);
    issuances_alert(&other, 0, 1, ALERT_KIND_UNEXPECTED_CA, "x");
    storetest_must_commit(rig.store, &rig.range[1], &other);
    batch_fini(&other);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look", 1);
    if (mender->ops->repair_end(mender, &settle, true, &why) != ERR_OK)
        fail_msg("%s", why.text);
    check_sql(rig.test.dsn, "SELECT count(*) FROM pair_look", 2);
    check_sql(rig.test.dsn, "SELECT count(*) FROM sct_der WHERE length(der) = 700", 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert_sha256 WHERE NOT precert", 2);
    mender->ops->free(mender);
    end(&rig);
}

static void sizes_that_nobody_sends(void **state)
{
    struct rig rig;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 6);
    give_der(&rig.batch, 300000);
    rig.batch.entries[1].cert_der = SPAN_NONE;               /* no bytes came */
    memset(rig.batch.entries[2].sighting.sha256, 0, 32);     /* a precertificate that does not fit */
    rig.batch.entries[4].issuance.not_after = CERT_TIME_MAX; /* absurd dates */
    rig.batch.entries[5].issuance.not_after = CERT_TIME_MIN;
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    storetest_text(
        rig.test.dsn,
        "SELECT string_agg(concat_ws(':', month, whole, cardinality(sha8)), ' ' ORDER BY month, id) FROM"
        " der_chunk",
        "0001-01-01:t:1 2026-12-01:t:1 2026-12-01:t:1 9999-12-01:t:1");
    for (size_t i = 3; i < 6; i++)
        assert_true(has(rig.conn, rig.batch.entries[i].sighting.sha256));
    uint64_t dropped = 7;
    struct err why = {0};
    assert_int_equal(db_der_drop(rig.conn, 2, &dropped, &why), ERR_OK);
    assert_int_equal(dropped, 0);
    storetest_run(rig.test.dsn, "UPDATE cert_removal SET horizon = '2027-01-01 12:00:00+00'");
    assert_int_equal(db_der_drop(rig.conn, 2, &dropped, &why), ERR_OK);
    assert_int_equal(dropped, 2);
    assert_int_equal(db_der_drop(rig.conn, 2, &dropped, &why), ERR_OK);
    assert_int_equal(dropped, 1);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk", 1);
    end(&rig);
}

/* What expired before the horizon has no row: of that only what somebody is told of is kept. */
static void nothing_from_beyond_the_horizon(void **state)
{
    struct rig rig;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    storetest_run(rig.test.dsn, "UPDATE cert_removal SET horizon = 'infinity', removals = removals + 1");
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 40);
    give_der(&rig.batch, 900);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT count(*) FROM cert", 0);
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk", 0);
    storetest_run(rig.test.dsn, "UPDATE cert_removal SET horizon = '-infinity', removals = removals + 1");
    storetest_pairs(&rig.batch, &rig.test.log[0], 40, 0, 40);
    give_der(&rig.batch, 900);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    check_sql(rig.test.dsn, "SELECT sum(cardinality(sha8)) FROM der_chunk", 40);
    end(&rig);
}

static void months(void **state)
{
    static const struct {
        int64_t unix_s;
        int32_t month;
    } rows[] = {
        {946684800, 0},       {946684799, -31},     {0, -10957},
        {-1, -10988},         {1790000000, 9740},   {951782400 /* 29 Feb */, 31},
        {INT64_MAX, 2921909}, {INT64_MIN, -730119},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        assert_int_equal(derput_month(rows[i].unix_s), rows[i].month);
}

static void small_rows_are_joined(void **state)
{
    struct rig rig;
    struct err why = {0};
    struct db_der_merged merged;
    uint8_t first[32];
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    for (uint64_t i = 0; i < 40; i++) {
        storetest_pairs(&rig.batch, &rig.test.log[0], 2 * i, 20 * i, 2); /* all of one month */
        give_der(&rig.batch, 500);
        storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
        if (i == 0)
            memcpy(first, rig.batch.entries[0].sighting.sha256, 32);
    }
    check_sql(rig.test.dsn, "SELECT count(*) FROM der_chunk", 40);
    /* One is there twice, as two writers leave it; one is damaged. */
    storetest_run(rig.test.dsn,
                  "INSERT INTO der_chunk (month, whole, size, sha8, z) SELECT month, whole, size,"
                  " sha8, z FROM der_chunk WHERE id = 7");
    storetest_run(rig.test.dsn,
                  "UPDATE der_chunk SET z = set_byte(z, 20, get_byte(z, 20) # 255) WHERE id = 9");
    assert_int_equal(db_der_merge(rig.conn, 50, &merged, &why), ERR_OK);
    assert_int_equal(merged.before, 0);
    if (db_der_merge(rig.conn, 16, &merged, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(merged.before, 40);
    assert_int_equal(merged.damaged, 1);
    assert_int_equal(merged.twice, 2);
    storetest_text(
        rig.test.dsn,
        "SELECT string_agg(concat_ws(':', whole, cardinality(sha8)), ' ' ORDER BY id) FROM der_chunk",
        "t:2 t:64 f:14");
    assert_true(has(rig.conn, first));
    assert_int_equal(db_der_merge(rig.conn, 2, &merged, &why), ERR_OK);
    assert_int_equal(merged.before, 0);
    end(&rig);
}

static void a_damaged_row_is_named(void **state)
{
    struct rig rig;
    struct err why = {0};
    struct seen seen = {0};
    bool found = true;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_ALL);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 2);
    give_der(&rig.batch, 500);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    const uint8_t *sha256 = rig.batch.entries[1].sighting.sha256;
    static const char *const damage[] = {
        "UPDATE der_chunk SET z = set_byte(z, 9, get_byte(z, 9) # 255)",
        "UPDATE der_chunk SET z = ''",
        "UPDATE der_chunk SET size = 2000000000",
        "UPDATE der_chunk SET size = 1",
    };
    storetest_run(rig.test.dsn, "CREATE TABLE good AS SELECT id, size, z FROM der_chunk");
    for (size_t i = 0; i < countof(damage); i++) {
        storetest_run(rig.test.dsn, damage[i]);
        assert_int_equal(db_der_find(rig.conn, sha256, on_der, &seen, &found, &why), ERR_FORMAT);
        assert_false(found);
        assert_non_null(strstr(why.text, "row 1 of der_chunk"));
        storetest_run(rig.test.dsn,
                      "UPDATE der_chunk AS d SET size = g.size, z = g.z FROM good AS g WHERE g.id = d.id");
        assert_true(has(rig.conn, sha256));
    }
    end(&rig);
}

static void places_are_found_by_either_hash(void **state)
{
    struct rig rig;
    struct err why = {0};
    struct db_der_place *places;
    size_t count;
    (void)state;
    begin(&rig, STORE_PG_ALL, STORE_PG_DER_NONE);
    storetest_pairs(&rig.batch, &rig.test.log[0], 0, 0, 20);
    give_der(&rig.batch, 500);
    storetest_must_commit(rig.store, &rig.range[0], &rig.batch);
    storetest_pairs(&rig.batch, &rig.test.log[1], 0, 0, 20);
    give_der(&rig.batch, 500);
    storetest_must_commit(rig.store, &rig.range[1], &rig.batch);
    storetest_run(rig.test.dsn, "UPDATE log SET state = 'removed' WHERE id = 1;"
                                "INSERT INTO log_head (log, size, root, timestamp, raw) VALUES (2, 77,"
                                " sha256('x'), now(), 'x')");
    struct entry *entry = &rig.batch.entries[6];
    assert_int_equal(db_der_places(rig.conn, entry->sighting.sha256, &places, &count, &why), ERR_OK);
    assert_int_equal(count, 2);
    assert_true(places[0].by_sha256 && places[0].log.id == 2 && places[0].index == 6 && !places[0].given_up);
    assert_int_equal(places[0].log_size, 77);
    assert_true(places[1].log.id == 1 && places[1].given_up && places[1].form == ISSUANCE_PRECERT);
    assert_memory_equal(places[1].sha8, entry->sighting.sha256, 8);
    free(places);
    assert_int_equal(db_der_places(rig.conn, entry->issuance.tbs_fp, &places, &count, &why), ERR_OK);
    assert_int_equal(count, 4);
    assert_true(!places[0].by_sha256 && places[0].form == ISSUANCE_FINAL && places[0].log.id == 2);
    assert_true(places[2].form == ISSUANCE_PRECERT && places[3].log.id == 1);
    free(places);
    uint8_t zero[32] = {0};
    assert_int_equal(db_der_places(rig.conn, zero, &places, &count, &why), ERR_OK);
    assert_int_equal(count, 0);
    free(places);
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_kept_once),
        cmocka_unit_test(the_final_one_is_known),
        cmocka_unit_test(what_was_rolled_back_is_not_remembered),
        cmocka_unit_test(watched_and_none),
        cmocka_unit_test(what_was_left_out_is_not_taken_for_stored),
        cmocka_unit_test(unmatched_is_not_left_out),
        cmocka_unit_test(repair_keeps_by_the_same_rules),
        cmocka_unit_test(each_key_has_its_hash),
        cmocka_unit_test(a_wrong_hash_goes_with_the_repair),
        cmocka_unit_test(repair_locks_nothing_while_it_reads),
        cmocka_unit_test(sizes_that_nobody_sends),
        cmocka_unit_test(nothing_from_beyond_the_horizon),
        cmocka_unit_test(months),
        cmocka_unit_test(small_rows_are_joined),
        cmocka_unit_test(a_damaged_row_is_named),
        cmocka_unit_test(places_are_found_by_either_hash),
    };
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "store_der");
}
