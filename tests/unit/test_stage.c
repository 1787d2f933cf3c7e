/* What an entry becomes in the tables: names, keys, addresses, clamps. Against a real server. */
#include "tests/fixture/storetest.h"

#include "base/clock.h"
#include "base/limits.h"
#include "db/query.h"
#include "db/stage.h"
#include "model/cert.h"

#define NAMES_MAX 8
#define KEY8                                                                                                 \
    "CREATE FUNCTION key8(t text) RETURNS int8 LANGUAGE sql AS $$ SELECT CASE WHEN t = '' THEN 0"            \
    " ELSE ('x' || left(encode(sha256(t::bytea), 'hex'), 16))::bit(64)::int8 END $$"

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
    {"cn in other letters",
     {{NAME_DNS, "a.x.test", 6, 0}},
     "A.x.test",
     "test.x.a",
     "A.x.test",
     "x.test",
     "cn:a.x.test"},
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
    {"no name", {{0}}, "ExampleCA\xc3\xa4\x01", "", "ExampleCA\xc3\xa4\\x01", "", "cn:exampleca\xc3\xa4\x01"},
    {"e-mail and uri",
     {{NAME_EMAIL, "Joe@Mail.X.test", 0, 0},
      {NAME_URI, "https://u:p@Www.Y.test:8443/path@z", 0, 0},
      {NAME_URI, "urn:x", 0, 0},
      {NAME_EMAIL, "no-at", 0, 0}},
     NULL,
     "",
     "-",
     "",
     "email:mail.x.test uri:urn:x uri:www.y.test"},
    {"hosts of uris",
     {{NAME_URI, "https://[2001:DB8::1]:443/", 0, 0},
      {NAME_URI, "sip:Example.com;x=y", 0, 0},
      {NAME_URI, "xmpp:joe@home", 0, 0},
      {NAME_URI, "a:b://w.test./?a=b://c.test", 0, 0},
      {NAME_URI, "urn:uuid:1", 0, 0},
      {NAME_URI, "https://", 0, 0}},
     NULL,
     "",
     "-",
     "",
     "uri:2001:db8::1 uri:example.com uri:home uri:https:// uri:urn:uuid:1 uri:w.test"},
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
    storetest_run(test.dsn, KEY8);
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
    batch.entries[0].issuance.subject_cn = names[0].text;
    int64_t began = clock_mono_ms();
    storetest_must_commit(store, &range, &batch);
    assert_in_range(clock_mono_ms() - began, 0, 60000);
    check_sql(test.dsn, "SELECT count(*) FROM cert_apex", COUNT - 1);
    batch_fini(&batch);
    store->ops->free(store);
}

/* What an issuer who wishes us ill, or a log with a strange clock, may send: each must be stored, the log
 * must go on, and what was stored must be found and readable. */
enum {
    HOSTILE_SERIAL = 3000,
    HOSTILE_LEAF = 16 << 20,
    HOSTILE_NAMES = LIMIT_NAMES_STORED + 5000,
    HOSTILE_DN = 65600
};

struct hostile {
    const char *what;
    void (*make)(struct entry *entry, struct arena *arena);
    const char *check; /* SQL that gives 't'; the entry's index is its place in the table */
};

static struct span fill_of(struct arena *arena, uint8_t byte, size_t len)
{
    uint8_t *at = arena_take(arena, len, 1);
    assert_non_null(at);
    memset(at, byte, len);
    return span_of(at, len);
}

/* Does not compress: a long serial of one byte would slip into an index entry. */
static void long_serial(struct entry *entry, struct arena *arena)
{
    uint8_t *at = arena_take(arena, HOSTILE_SERIAL, 1);
    assert_non_null(at);
    for (size_t i = 0; i < HOSTILE_SERIAL; i += 24) {
        uint8_t hash[32];
        issuances_hash("serial", i, hash);
        memcpy(at + i, hash, HOSTILE_SERIAL - i < 24 ? HOSTILE_SERIAL - i : 24);
    }
    entry->issuance.serial = span_of(at, HOSTILE_SERIAL);
}

static void empty_serial(struct entry *entry, struct arena *arena)
{
    (void)arena;
    entry->issuance.serial = SPAN_LIT("");
}

static void long_dn(struct entry *entry, struct arena *arena)
{
    entry->issuance.issuer = fill_of(arena, 0x30, HOSTILE_DN);
}

static void broken_dn(struct entry *entry, struct arena *arena)
{
    /* CN of NUL, an invalid byte, half a character, a surrogate, an escape. */
    static const uint8_t dn[] =
        "\x30\x16\x31\x14\x30\x12\x06\x03\x55\x04\x03\x0c\x0b\x00\xff\xc3\x28\xed\xa0\x80"
        "\x1b[2J";
    entry->issuance.issuer = arena_copy(arena, span_of(dn, sizeof dn - 1));
}

static void broken_cn(struct entry *entry, struct arena *arena)
{
    static const uint8_t cn[] = "a\0b\xff\xc3\x28\xed\xa0\x80\\u0000\xf0\x9f";
    entry->issuance.subject_cn = arena_copy(arena, span_of(cn, sizeof cn - 1));
}

static void long_cn(struct entry *entry, struct arena *arena)
{
    entry->issuance.subject_cn = fill_of(arena, 0xc3, 1 << 20);
}

static void broken_names(struct entry *entry, struct arena *arena)
{
    static const uint8_t text[] = "a\0\xff\xc3\x28 \\\n.x.test";
    struct name *names = arena_zeroed(arena, 2, sizeof *names);
    assert_non_null(names);
    issuances_name(&names[0], span_of(text, sizeof text - 1), 6);
    issuances_name(&names[1], SPAN_LIT(""), 0);
    entry->issuance.names = names;
    entry->issuance.name_count = 2;
}

static void too_many_names(struct entry *entry, struct arena *arena)
{
    struct name *names = arena_zeroed(arena, HOSTILE_NAMES, sizeof *names);
    assert_non_null(names);
    for (size_t i = 0; i < HOSTILE_NAMES; i++)
        issuances_name(&names[i], issuances_text(arena, ".many.test", i), 9);
    entry->issuance.names = names;
    entry->issuance.name_count = HOSTILE_NAMES;
}

static void too_long_names(struct entry *entry, struct arena *arena)
{
    enum { COUNT = 20000 };
    struct name *names = arena_zeroed(arena, COUNT, sizeof *names);
    assert_non_null(names);
    /* 400 bytes of which each becomes four: 32 MB. */
    for (size_t i = 0; i < COUNT; i++)
        issuances_name(&names[i], fill_of(arena, 0xff, 400), 0);
    entry->issuance.names = names;
    entry->issuance.name_count = COUNT;
}

static void one_address_many_times(struct entry *entry, struct arena *arena)
{
    static const uint8_t octets[16] = {0x20, 1, 0xd, 0xb8};
    struct name *names = arena_zeroed(arena, 1000, sizeof *names);
    assert_non_null(names);
    for (size_t i = 0; i < 1000; i++)
        names[i] = (struct name){.kind = NAME_IP, .raw = span_of(octets, i == 7 ? 5 : i % 2 == 0 ? 4 : 16)};
    entry->issuance.names = names;
    entry->issuance.name_count = 1000;
}

static void too_many_addresses(struct entry *entry, struct arena *arena)
{
    struct name *names = arena_zeroed(arena, HOSTILE_NAMES, sizeof *names);
    assert_non_null(names);
    for (size_t i = 0; i < HOSTILE_NAMES; i++) {
        const uint8_t octets[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        names[i] = (struct name){.kind = NAME_IP, .raw = arena_copy(arena, span_of(octets, 4))};
    }
    entry->issuance.names = names;
    entry->issuance.name_count = HOSTILE_NAMES;
}

static void latest(struct entry *entry, struct arena *arena)
{
    (void)arena;
    entry->issuance.not_before = CERT_TIME_MAX;
    entry->issuance.not_after = CERT_TIME_MAX;
    entry->timestamp_ms = INT64_MAX; /* beyond the year 294276 */
}

static void earliest(struct entry *entry, struct arena *arena)
{
    (void)arena;
    entry->issuance.not_before = CERT_TIME_MIN - 1;
    entry->issuance.not_after = CERT_TIME_MIN - 1; /* year 0 */
    entry->timestamp_ms = INT64_MIN;
}

static void huge_leaf(struct entry *entry, struct arena *arena)
{
    entry->leaf = fill_of(arena, 0x00, HOSTILE_LEAF);
    entry->extra = fill_of(arena, 0xa5, HOSTILE_LEAF);
    entry->timestamp_ms = INT64_MAX;
    finding_add(&entry->issuance.findings, FINDING_NAME_LABEL_UNREADABLE);
}

#define OF(idx) " FROM cert WHERE idx = " #idx

static const struct hostile hostile_rows[] = {
    {"a serial that no index entry could hold", long_serial, "SELECT length(serial) = 3000" OF(0)},
    {"no serial", empty_serial, "SELECT serial = ''" OF(1)},
    {"a very long issuer", long_dn,
     "SELECT length(dn) = 65536 FROM issuer JOIN cert ON issuer = id WHERE idx = 2"},
    {"an issuer that is no text", broken_dn,
     "SELECT dn_text LIKE 'CN=%' AND length(dn) = 24 FROM issuer JOIN cert ON issuer = id WHERE idx = 3"},
    {"a common name with NUL and no UTF-8", broken_cn, "SELECT cn LIKE 'a\\\\x00b\\\\xff%'" OF(4)},
    {"a common name of a megabyte", long_cn, "SELECT length(cn) = 2048" OF(5)},
    {"names that are no names", broken_names, "SELECT names LIKE 'test.x.a\\\\x00\\\\xff%'" OF(6)},
    {"more names than are stored", too_many_names,
     "SELECT names LIKE '% ?' AND (facts >> 55) & 1 = 1 AND array_length(string_to_array(names, ' '), 1) = "
     "100001"
     " AND EXISTS (SELECT FROM cert_apex AS a WHERE a.tbs_fp = cert.tbs_fp AND a.apex8 = key8('?'))" OF(7)},
    {"longer names than are stored", too_long_names,
     "SELECT names LIKE '% ?' AND length(names) BETWEEN 24 << 20 AND 25 << 20 AND (facts >> 55) & 1 = 1" OF(
         8)},
    {"one address many times", one_address_many_times,
     "SELECT (SELECT count(*) = 2 FROM cert_ip AS p WHERE p.tbs_fp = cert.tbs_fp)" OF(9)},
    {"more addresses than are stored", too_many_addresses,
     "SELECT names = ' ?' AND (SELECT count(*) = 100000 FROM cert_ip AS p WHERE p.tbs_fp = cert.tbs_fp)" OF(
         10)},
    {"times beyond every calendar", latest,
     "SELECT not_before = '9999-12-31 23:59:59Z' AND first_seen = '9999-12-31 23:59:59Z'" OF(11)},
    {"times before every calendar", earliest,
     "SELECT not_after = '0001-01-01 00:00:00Z' AND first_seen = '0001-01-01 00:00:00Z'" OF(12)},
    {"an entry of 32 MB that is kept raw", huge_leaf,
     "SELECT length(leaf) = 16777216 AND length(extra) = 16777216 FROM malformed WHERE idx = 13"},
};

static enum err_code count_row(void *arg, const struct query_row *row, struct err *why)
{
    (void)row;
    (void)why;
    ++*(size_t *)arg;
    return ERR_OK;
}

static void must_find(struct pgconn *conn, const char *what, const char *typed, size_t expected)
{
    struct query query;
    struct query_result result;
    struct err why = {0};
    size_t found = 0;
    if (query_parse(typed, &query, &why) != ERR_OK ||
        query_run(conn, &query, count_row, &found, &result, &why) != ERR_OK)
        fail_msg("%s: %s", what, why.text);
    if (found != expected)
        fail_msg("%s: %zu found, expected %zu", what, found, expected);
}

static void hostile_entries_are_stored_and_read(void **state)
{
    (void)state;
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct err why = {0};
    struct pgconn *conn;
    storetest_new(&test);
    storetest_run(test.dsn, KEY8);
    storetest_run(test.dsn, "INSERT INTO domain (name, kind) VALUES ('x.test', 'dns')");
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, 128u << 20));
    for (size_t i = 0; i < countof(hostile_rows); i++) {
        struct issuances_entry spec = {100 + i, ISSUANCE_FINAL, false};
        char got[16];
        issuances_batch(&batch, &test.log[0], i, &spec, 1);
        hostile_rows[i].make(&batch.entries[0], &batch.arena);
        issuances_alert(&batch, 0, 1, ALERT_KIND_UNEXPECTED_CA, hostile_rows[i].what);
        if (storetest_commit(store, &range, &batch, &why) != ERR_OK)
            fail_msg("%s: %s", hostile_rows[i].what, why.text);
        assert_true(pgtest_sql(test.dsn, hostile_rows[i].check, got, sizeof got));
        if (strcmp(got, "t") != 0)
            fail_msg("%s: '%s'", hostile_rows[i].what, got);
    }
    storetest_check(test.dsn);
    check_sql(test.dsn, "SELECT count(*) FROM alert WHERE jsonb_typeof(issuance) = 'object'",
              countof(hostile_rows));
    assert_int_equal(dns_psl_load(SPAN_LIT("test\n"), &why), ERR_OK);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    for (size_t i = 0; i < countof(hostile_rows); i++) {
        char typed[80] = "fp:";
        char hex[65];
        uint8_t fp[32];
        issuances_hash("fp", 100 + i, fp);
        memcpy(typed + 3, text_hex(span_of(fp, 32), hex), 65);
        must_find(conn, hostile_rows[i].what, typed, 1);
    }
    must_find(conn, "by an address", "2001:db8::", 1);
    static char typed[2 * HOSTILE_SERIAL + 16];
    assert_true(pgtest_sql(test.dsn, "SELECT 'serial:' || encode(serial, 'hex') FROM cert WHERE idx = 0",
                           typed, sizeof typed));
    must_find(conn, "by a long serial", typed, 1);
    pgconn_free(conn);
    batch_fini(&batch);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_keys),
        cmocka_unit_test(times_and_numbers_are_clamped),
        cmocka_unit_test(a_certificate_with_many_names),
        cmocka_unit_test(hostile_entries_are_stored_and_read),
    };
    return storetest_main(tests, countof(tests), "stage");
}
