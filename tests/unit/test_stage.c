/* What an entry becomes in the tables: names, keys, addresses, clamps. Against a real server. */
#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "db/stage.h"
#include "model/cert.h"

#define NAMES_MAX 8

struct row {
    const char *what;
    struct {
        enum name_kind kind;
        const char *text;
        size_t apex_len; /* 0: none */
        uint32_t flags;
    } names[NAMES_MAX];
    const char *cn; /* NULL: none */
    const char *stored_names;
    const char *stored_cn; /* "-": NULL */
    const char *apex;      /* of the row; "" for 0 */
    const char *keys;      /* further ones, sorted */
};

static const struct row rows[] = {
    {"cn first",
     {{NAME_DNS, "a.x.test", 6, 0}, {NAME_DNS, "b.x.test", 6, 0}},
     "b.x.test",
     "test.x.b test.x.a",
     "-",
     "x.test",
     ""},
    {"cn in other letters", {{NAME_DNS, "a.x.test", 6, 0}}, "A.x.test", "test.x.a", "A.x.test", "x.test", ""},
    {"cn decides the first domain",
     {{NAME_DNS, "x.test", 6, 0}, {NAME_DNS, "y.test", 6, 0}},
     "y.test",
     "test.y test.x",
     "-",
     "y.test",
     "x.test"},
    {"wildcard", {{NAME_DNS, "*.x.test", 6, NAME_WILDCARD}}, NULL, "test.x.*", "-", "x.test", ""},
    {"placeholder alone", {{NAME_DNS, "?", 0, NAME_PLACEHOLDER}}, NULL, "?", "-", "", "?"},
    {"placeholder below",
     {{NAME_DNS, "?.x.test", 6, NAME_PLACEHOLDER}, {NAME_DNS, "y.test", 6, 0}},
     NULL,
     "test.x.? test.y",
     "-",
     "x.test",
     "? y.test"},
    {"no name", {{0}}, "Example CA \xc3\xa4\x01", "", "Example CA \xc3\xa4\\x01", "", ""},
    {"e-mail and uri",
     {{NAME_EMAIL, "Joe@Mail.X.test", 0, 0},
      {NAME_URI, "https://u:p@Www.Y.test:8443/path@z", 0, 0},
      {NAME_URI, "urn:x", 0, 0},
      {NAME_EMAIL, "no-at", 0, 0}},
     NULL,
     "",
     "-",
     "",
     "email:mail.x.test uri:www.y.test"},
    {"one domain many times",
     {{NAME_DNS, "x.test", 6, 0},
      {NAME_DNS, "y.test", 6, 0},
      {NAME_DNS, "a.x.test", 6, 0},
      {NAME_DNS, "a.y.test", 6, 0}},
     NULL,
     "test.x test.y test.x.a test.y.a",
     "-",
     "x.test",
     "y.test"},
};

static void fill(struct batch *batch, size_t at, const struct row *row)
{
    struct issuance *issuance = &batch->entries[at].issuance;
    struct name *names = arena_zeroed(&batch->arena, NAMES_MAX, sizeof *names);
    assert_non_null(names);
    issuance->names = names;
    issuance->name_count = 0;
    issuance->subject_cn = row->cn == NULL ? SPAN_NONE : span_str(row->cn);
    for (size_t i = 0; i < NAMES_MAX && row->names[i].text != NULL; i++) {
        struct name *name = &names[issuance->name_count++];
        issuances_name(name, span_str(row->names[i].text), row->names[i].apex_len);
        name->kind = row->names[i].kind;
        name->flags = row->names[i].flags;
    }
}

static void names_and_keys(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct issuances_entry specs[countof(rows)];
    storetest_new(&test);
    storetest_run(
        test.dsn,
        "CREATE FUNCTION key8(t text) RETURNS int8 LANGUAGE sql AS $$ SELECT CASE WHEN t = '' THEN 0"
        " ELSE ('x' || left(encode(sha256(t::bytea), 'hex'), 16))::bit(64)::int8 END $$");
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    for (size_t i = 0; i < countof(rows); i++)
        specs[i] = (struct issuances_entry){100 + i, ISSUANCE_FINAL, false};
    issuances_batch(&batch, &test.log[0], 0, specs, countof(rows));
    for (size_t i = 0; i < countof(rows); i++)
        fill(&batch, i, &rows[i]);
    storetest_must_commit(store, &range, &batch);
    for (size_t i = 0; i < countof(rows); i++) {
        char sql[1024];
        char got[256];
        char expected[256];
        (void)snprintf(
            sql, sizeof sql,
            "SELECT c.names || '|' || coalesce(c.cn, '-') || '|' || (c.apex8 = key8('%s')) || '|' ||"
            " coalesce((SELECT string_agg(w.t, ' ' ORDER BY w.t) FROM unnest(string_to_array('%s', ' '))"
            " AS w(t) JOIN cert_apex AS k ON k.apex8 = key8(w.t) AND k.tbs_fp = c.tbs_fp), '') || '|' ||"
            " (SELECT count(*) FROM cert_apex AS k WHERE k.tbs_fp = c.tbs_fp) FROM cert AS c"
            " WHERE c.idx = %zu",
            rows[i].apex, rows[i].keys, i);
        assert_true(pgtest_sql(test.dsn, sql, got, sizeof got));
        size_t keys = rows[i].keys[0] != '\0';
        for (const char *at = rows[i].keys; *at != '\0'; at++)
            keys += *at == ' ';
        (void)snprintf(expected, sizeof expected, "%s|%s|true|%s|%zu", rows[i].stored_names,
                       rows[i].stored_cn, rows[i].keys, keys);
        if (strcmp(got, expected) != 0)
            fail_msg("%s: %s, expected %s", rows[i].what, got, expected);
    }
    batch_fini(&batch);
    store->ops->free(store);
}

static void times_and_numbers_are_clamped(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    static const struct {
        int64_t not_before;
        int64_t not_after;
        const char *stored;
    } times[] = {
        {CERT_TIME_MIN, CERT_TIME_MAX, "0001-01-01 00:00:00+00|9999-12-31 23:59:59+00|65535"},
        {INT64_MIN, INT64_MAX, "0001-01-01 00:00:00+00|9999-12-31 23:59:59+00|65535"},
        {0, -1, "1970-01-01 00:00:00+00|1969-12-31 23:59:59+00|0"},
        {1790000000, 1790000000 + 86400, "2026-09-21 14:13:20+00|2026-09-22 14:13:20+00|20718"},
    };
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    struct issuances_entry specs[countof(times)];
    for (size_t i = 0; i < countof(times); i++)
        specs[i] = (struct issuances_entry){100 + i, ISSUANCE_FINAL, false};
    issuances_batch(&batch, &test.log[0], 0, specs, countof(times));
    for (size_t i = 0; i < countof(times); i++) {
        batch.entries[i].issuance.not_before = times[i].not_before;
        batch.entries[i].issuance.not_after = times[i].not_after;
        batch.entries[i].issuance.key_bits = 1u << 20;
        batch.entries[i].issuance.serial = SPAN_NONE;
        batch.entries[i].timestamp_ms = i == 1 ? INT64_MAX : i == 2 ? -5 : 1;
    }
    storetest_must_commit(store, &range, &batch);
    for (size_t i = 0; i < countof(times); i++) {
        char sql[320];
        (void)snprintf(sql, sizeof sql,
                       "SELECT c.not_before || '|' || c.not_after || '|' || (get_byte(t.info, %zu) * 256 +"
                       " get_byte(t.info, %zu)) FROM cert AS c, log_tile AS t WHERE c.idx = %zu",
                       9 * i + 7, 9 * i + 8, i);
        storetest_text(test.dsn, sql, times[i].stored);
    }
    check_sql(test.dsn,
              "SELECT count(DISTINCT (facts >> 36) & 65535) * 100000 + min((facts >> 36) & 65535) FROM cert",
              165535);
    storetest_check(test.dsn);
    batch_fini(&batch);
    store->ops->free(store);
}

/* A certificate with very many domains and addresses must not cost more than it has names. */
static void a_certificate_with_many_names(void **state)
{
    (void)state;
    enum { COUNT = 40000 };
    struct storetest test;
    struct store_range range;
    struct batch batch;
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, 4 * STORETEST_BATCH_BYTES));
    storetest_pairs(&batch, &test.log[0], 0, 0, 1);
    struct name *names = arena_zeroed(&batch.arena, COUNT, sizeof *names);
    assert_non_null(names);
    for (size_t i = 0; i < COUNT; i++) {
        struct span text = issuances_text(&batch.arena, ".many", i);
        issuances_name(&names[i], text, text.len);
    }
    batch.entries[0].issuance.names = names;
    batch.entries[0].issuance.name_count = COUNT;
    int64_t began = clock_mono_ms();
    storetest_must_commit(store, &range, &batch);
    assert_in_range(clock_mono_ms() - began, 0, 60000);
    check_sql(test.dsn, "SELECT count(*) FROM cert_apex", COUNT - 1);
    batch_fini(&batch);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_keys),
        cmocka_unit_test(times_and_numbers_are_clamped),
        cmocka_unit_test(a_certificate_with_many_names),
    };
    return storetest_main(tests, countof(tests), "stage");
}
