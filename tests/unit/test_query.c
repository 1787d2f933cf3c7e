/* Search: what is typed, and what a real database answers. */
#include "tests/fixture_cert.h"

#include "db/query.h"

static struct fixture_db fixture;

static void parse_rows(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        enum query_kind kind;
        const char *text;
        const char *bytes; /* hex */
    } rows[] = {
        {"example.com", QUERY_SUB, "example.com", ""},
        {".example.com", QUERY_SUB, "example.com", ""},
        {"*.example.com", QUERY_SUB, "example.com", ""},
        {"EXAMPLE.com", QUERY_SUB, "example.com", ""},
        {"sub:b\xc3\xbc"
         "cher.de",
         QUERY_SUB, "xn--bcher-kva.de", ""},
        {"host:www.example.com", QUERY_HOST, "www.example.com", ""},
        {"name:*.example.com", QUERY_NAME, "*.example.com", ""},
        {"ip:192.0.2.0/24", QUERY_IP, "192.0.2.0/24", ""},
        {"192.0.2.1", QUERY_IP, "192.0.2.1", ""},
        {"2001:db8::1", QUERY_IP, "2001:db8::1", ""},
        {"2001:DB8:0::1/128", QUERY_IP, "2001:db8::1", ""},
        {"::ffff:192.0.2.7", QUERY_IP, "192.0.2.7", ""},
        {"::ffff:c000:200/120", QUERY_IP, "192.0.2.0/24", ""},
        {"::ffff:0.0.0.0/96", QUERY_IP, "0.0.0.0/0", ""},
        {"::ffff:0:0/95", QUERY_IP, "::ffff:0.0.0.0/95", ""},
        {"0.0.0.0/0", QUERY_IP, "0.0.0.0/0", ""},
        {"ip:::/0", QUERY_IP, "::/0", ""},
        {"wildcard:.example.com", QUERY_WILDCARD, "example.com", ""},
        {"wildcard:*.example.com", QUERY_WILDCARD, "example.com", ""},
        {"email:a@EXAMPLE.com", QUERY_EMAIL, "a@example.com", ""},
        {"email:@example.com", QUERY_EMAIL, "example.com", ""},
        {"email:example.com", QUERY_EMAIL, "example.com", ""},
        {"joe@example.com", QUERY_EMAIL, "joe@example.com", ""},
        {"uri:spiffe://a.example/x", QUERY_URI, "spiffe://a.example/x", ""},
        {"uri:Example.com", QUERY_URI, "example.com", ""},
        {"org: Acme Inc", QUERY_ORG, "Acme Inc", ""},
        {"cn:Root CA", QUERY_CN, "Root CA", ""},
        {"text:a%_'\\", QUERY_TEXT, "a%_'\\", ""},
        {"serial:01", QUERY_SERIAL, "", "01"},
        {"serial:00:ab:CD", QUERY_SERIAL, "", "00abcd"},
        {"serial:0x1f3", QUERY_SERIAL, "", "01f3"},
        {"serial:0", QUERY_SERIAL, "", "00"},
        {"serial:000000007f", QUERY_SERIAL, "", "7f"},
        {"serial:80", QUERY_SERIAL, "", "0080"},
        {"serial:-80", QUERY_SERIAL, "", "80"},
        {"serial:-1", QUERY_SERIAL, "", "ff"},
        {"serial:-8000", QUERY_SERIAL, "", "8000"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", QUERY_HASH, "",
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
        {"fp:000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f", QUERY_FP, "",
         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct query query;
        struct err why = {0};
        char hex[2 * QUERY_SERIAL_MAX + 1];
        if (query_parse(rows[i].typed, &query, &why) != ERR_OK)
            fail_msg("%s: %s", rows[i].typed, why.text);
        assert_int_equal(query.kind, rows[i].kind);
        assert_string_equal(query.text, rows[i].text);
        assert_string_equal(text_hex(span_of(query.bytes, query.len), hex), rows[i].bytes);
    }
}

static void parse_refusals(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "sub:",
        "host:*.example.com",
        "ip:300.1.2.3",
        "ip:10.0.0.0/33",
        "ip:10.0.0.0/",
        "ip:10.0.0.0/-1",
        "ip:10.0.0.0/+8",
        "ip:10.0.0.0/8/8",
        "ip:10.0.0.0/18446744073709551616",
        "ip:10.0.0",
        "ip:010.0.0.1",
        "ip: 10.0.0.1",
        "ip:[2001:db8::1]",
        "ip:fe80::1%eth0",
        "ip:::/129",
        "ip:::ffff:1.2.3.4.5",
        "serial:",
        "serial:xyz",
        "serial:-",
        "sha256:00",
        "spki:zz",
        "org:",
        "org:  ",
        "email:",
        "email:@",
        "email:a@",
        "email:a b",
        "uri:",
        "cn:",
        "text:",
        "issuer:",
        "ca:",
        "wildcard:",
        "frob:x",
        "org:\xff",
        "\xff.example.com",
        "name:",
        "a b.example.com",
    };
    for (size_t i = 0; i < countof(rows); i++) {
        struct query query;
        struct err why = {0};
        if (query_parse(rows[i], &query, &why) == ERR_OK)
            fail_msg("accepted: %s", rows[i]);
        assert_true(why.text[0] != '\0');
        assert_null(strchr(why.text, '\n'));
    }
    static char endless[2 * QUERY_SERIAL_MAX + 16] = "serial:";
    struct query query;
    memset(endless + strlen(endless), '1', 2 * QUERY_SERIAL_MAX + 1);
    assert_int_equal(query_parse(endless, &query, NULL), ERR_USAGE);
}

static void cursors_fit_one_query(void **state)
{
    (void)state;
    struct query query;
    struct query again;
    struct query_cursor cursor = {.not_before_ms = -5000, .issuer_id = 77};
    struct err why = {0};
    char text[QUERY_CURSOR_MAX];
    memset(cursor.tbs_fp, 0xab, 32);
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    (void)query_cursor_text(&cursor, &query, text);
    assert_int_equal(query_cursor_parse(text, &query, NULL), ERR_OK);
    assert_true(query.has_after);
    assert_int_equal(query.after.not_before_ms, -5000);
    assert_int_equal(query.after.issuer_id, 77);
    assert_memory_equal(query.after.tbs_fp, cursor.tbs_fp, 32);
    query.limit = 7; /* may change */
    assert_int_equal(query_cursor_parse(text, &query, NULL), ERR_OK);
    assert_int_equal(query_parse("host:example.com", &again, NULL), ERR_OK);
    assert_int_equal(query_cursor_parse(text, &again, &why), ERR_USAGE);
    assert_non_null(strstr(why.text, "another search"));
    again = query;
    again.exclude_expired = true;
    assert_int_equal(query_cursor_parse(text, &again, NULL), ERR_USAGE);
    again = query;
    again.since_ms = 5;
    assert_int_equal(query_cursor_parse(text, &again, NULL), ERR_USAGE);
    again = query;
    again.form = QUERY_FINAL;
    assert_int_equal(query_cursor_parse(text, &again, NULL), ERR_USAGE);
    static const char *const bad[] = {"", "1_2_3", "_", "99999999999999999_", "x", "1__1", "____", "0_0_0_0"};
    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(query_cursor_parse(bad[i], &query, NULL), ERR_USAGE);
    for (size_t len = strlen(text); len-- > 0;) {
        text[len] = '\0';
        assert_int_equal(query_cursor_parse(text, &query, NULL), ERR_USAGE);
    }
    assert_int_equal(query_id(5, 7), INT64_C(5) << 40 | 7);
}

/* Certificate k is entry k of both logs. */
static const struct fixture_cert certs[] = {
    {0, "example.com www.example.com", "2025-06-01 00:00:00+00", NULL},
    {1, "*.example.com", "2025-06-02 00:00:00+00", NULL},
    {2, "a.b.example.com", "2025-06-03 00:00:00+00", NULL},
    {3, "example.org shop.example.com", "2025-06-04 00:00:00+00",
     NULL}, /* example.com is its further domain */
    {4, "notexample.com", "2025-06-05 00:00:00+00", NULL},
    {5, "example.com.evil.net", "2025-06-06 00:00:00+00", NULL},
    {6, "alice.github.io", "2025-06-07 00:00:00+00", NULL},
    {7, "bob.github.io", "2025-06-07 00:00:00+00", NULL},
    {8, "www.example.com", "2025-06-08 00:00:00+00", "192.0.2.7"},
    {9, "www.example.com", "2025-06-08 00:00:00+00", "2001:db8::7"},
    {10, "", "2025-06-09 00:00:00+00", "192.0.2.200"},
    {11, "x.s3.amazonaws.com", "2025-06-10 00:00:00+00", "::ffff:192.0.2.7"},
    {12, "ec2.amazonaws.com", "2025-06-11 00:00:00+00", NULL},
};

struct seen {
    int numbers[64];
    size_t count;
    bool forms;
    uint64_t sightings;
};

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    struct seen *seen = arg;
    (void)why;
    assert_true(seen->count < countof(seen->numbers));
    assert_int_equal(row->index, row->issuance->serial.at[3]);
    assert_string_equal(row->log, "one");
    assert_int_equal(row->id, query_id(1, row->index));
    assert_true(row->issuance->issuer_known);
    seen->numbers[seen->count++] = row->issuance->serial.at[3];
    seen->forms = row->precert && row->final;
    seen->sightings = row->sightings;
    return ERR_OK;
}

static struct seen ask_query(const struct query *query, struct query_cursor *next, bool *more)
{
    struct seen seen = {0};
    struct err why = {0};
    struct query_result result;
    if (query_run(fixture.db.conn, query, see, &seen, &result, &why) != ERR_OK)
        fail_msg("%s", why.text);
    *next = result.next;
    *more = result.more;
    return seen;
}

static void check(const char *what, const struct seen *seen, const char *expected)
{
    char text[256] = "";
    size_t len = 0;
    for (size_t i = 0; i < seen->count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", i == 0 ? "" : " ", seen->numbers[i]);
    if (strcmp(text, expected) != 0)
        fail_msg("%s: found '%s', expected '%s'", what, text, expected);
}

static void ask(const char *typed, const char *expected)
{
    struct query query;
    struct query_cursor next;
    bool more;
    assert_int_equal(query_parse(typed, &query, NULL), ERR_OK);
    struct seen seen = ask_query(&query, &next, &more);
    check(typed, &seen, expected);
    assert_false(more);
}

static int by_first(const char *kind, int number, char *out, size_t out_cap, const char *prefix)
{
    uint8_t hash[32];
    char hex[65];
    fixture_hash(kind, number, hash);
    return snprintf(out, out_cap, "%s%s", prefix, text_hex(span_of(hash, 32), hex));
}

/* 8 and 9 have the same not_before: tbs_fp decides, so the order comes from the data. */
static const char *pair(void)
{
    uint8_t a[32];
    uint8_t b[32];
    fixture_hash("fp", 8, a);
    fixture_hash("fp", 9, b);
    return memcmp(a, b, 32) < 0 ? "8 9" : "9 8";
}

static void names_find(void **state)
{
    (void)state;
    char expected[64];
    (void)snprintf(expected, sizeof expected, "%s 3 2 1 0", pair());
    ask("example.com", expected);
    ask("sub:example.com", expected);
    (void)snprintf(expected, sizeof expected, "%s 1 0", pair());
    ask("host:www.example.com", expected);
    ask("host:example.com", "0");
    ask("host:a.b.example.com", "2");
    ask("host:b.example.com", "1");
    ask("name:*.example.com", "1");
    ask("sub:b.example.com", "2");
    ask("example.org", "3");
    ask("example.net", "");
    ask("evil.net", "5");
    ask("alice.github.io", "6");
}

/* Others have registrable domains below these: no key leads there, but nothing may be missed. */
static void below_public_suffixes(void **state)
{
    (void)state;
    uint8_t a[32];
    uint8_t b[32];
    fixture_hash("fp", 6, a);
    fixture_hash("fp", 7, b);
    ask("github.io", memcmp(a, b, 32) < 0 ? "6 7" : "7 6");
    ask("net", "5");
    ask("amazonaws.com", "12 11");
}

static void hashes_find(void **state)
{
    (void)state;
    char typed[128];
    static const struct {
        const char *prefix;
        const char *kind;
    } rows[] = {{"fp:", "fp"}, {"spki:", "spki"}, {"sha256:", "precert"}, {"sha256:", "final"},
                {"", "fp"},    {"", "spki"},      {"", "precert"},        {"", "final"}};
    for (size_t i = 0; i < countof(rows); i++) {
        (void)by_first(rows[i].kind, 3, typed, sizeof typed, rows[i].prefix);
        ask(typed, "3");
        (void)by_first(rows[i].kind, 9999, typed, sizeof typed, rows[i].prefix);
        ask(typed, "");
    }
    (void)by_first("fp", 3, typed, sizeof typed, "spki:");
    ask(typed, "");
    ask("serial:01000003", "3");
    ask("serial:1:00:00:03", "3");
    ask("serial:01000004ff", "");
}

static void addresses_find(void **state)
{
    (void)state;
    ask("192.0.2.7", "11 8");
    ask("ip:::ffff:192.0.2.7", "11 8");
    ask("ip:192.0.2.0/24", "11 10 8");
    ask("ip:0.0.0.0/0", "11 10 8");
    ask("ip:2001:db8::/32", "9");
    ask("ip:::/0", "11 9");
    ask("ip:198.51.100.0/24", "");
}

static void bounds_hold(void **state)
{
    (void)state;
    struct query query;
    struct query_cursor next;
    bool more;
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    assert_true(text_parse_time(SPAN_LIT("2025-06-02"), &query.since_ms));
    assert_true(text_parse_time(SPAN_LIT("2025-06-04"), &query.until_ms));
    struct seen seen = ask_query(&query, &next, &more);
    check("since and until", &seen, "2 1");
    assert_true(seen.forms);
    assert_int_equal(seen.sightings, 2);
    query.brief = true;
    seen = ask_query(&query, &next, &more);
    check("brief", &seen, "2 1");
    assert_int_equal(seen.sightings, 0);
    query.form = QUERY_FINAL; /* which is told by them */
    seen = ask_query(&query, &next, &more);
    check("brief, of a form", &seen, "2 1");
    assert_int_equal(seen.sightings, 2);
    query.form = QUERY_ANY_FORM;
    query.brief = false;
    query.seen_since_ms = query.since_ms + 86400000;
    seen = ask_query(&query, &next, &more);
    check("seen since", &seen, "2");
    query.exclude_expired = true;
    seen = ask_query(&query, &next, &more);
    check("without expired ones", &seen, "");
}

/* Bounds hold to the moment. */
static void what_was_seen_then_is_since_then(void **state)
{
    static const char sql[] = "SELECT (extract(epoch FROM first_seen) * 1000)::int8 FROM cert WHERE idx = 2";
    struct query query;
    struct query_cursor next;
    bool more;
    (void)state;
    assert_int_equal(query_parse("a.b.example.com", &query, NULL), ERR_OK);
    assert_int_equal(pgexec_number(fixture.db.conn, sql, &PGEXEC_NO_ARGS, &query.seen_since_ms, NULL),
                     ERR_OK);
    struct seen seen = ask_query(&query, &next, &more);
    check("seen then", &seen, "2");
    query.seen_since_ms++;
    seen = ask_query(&query, &next, &more);
    check("seen later", &seen, "");
}

/* Where no index helps, too: rows of one moment are parted by a page, and days without issuances passed over.
 */
static void walks_join_without_gap(void **state)
{
    static const char *const typed[] = {"github.io", "text:example", "issuer:1"};
    static const size_t rows[] = {2, 8, countof(certs)};
    (void)state;
    assert_int_equal(
        pgexec_script(fixture.db.conn,
                      "INSERT INTO issued (issuer, day, n) SELECT issuer, (not_before AT TIME ZONE "
                      "'UTC')::date, count(*) FROM cert GROUP BY 1, 2 ON CONFLICT DO NOTHING",
                      NULL),
        ERR_OK);
    for (size_t i = 0; i < countof(typed); i++) {
        struct query query;
        struct query_cursor next;
        struct seen joined = {0};
        bool more;
        assert_int_equal(query_parse(typed[i], &query, NULL), ERR_OK);
        struct seen whole = ask_query(&query, &next, &more);
        assert_false(more);
        assert_int_equal(whole.count, rows[i]);
        query.limit = 1;
        for (more = true; more && joined.count <= whole.count; query.has_after = true) {
            struct seen seen = ask_query(&query, &query.after, &more);
            assert_true(seen.count <= 1);
            if (seen.count == 1)
                joined.numbers[joined.count++] = seen.numbers[0];
        }
        assert_int_equal(joined.count, whole.count);
        assert_memory_equal(joined.numbers, whole.numbers, whole.count * sizeof whole.numbers[0]);
    }
}

/* As many as there are is no "at least". */
static void counts_know_whether_there_are_more(void **state)
{
    static const char *const typed[] = {"example.com", "text:example.com", "issuer:1"};
    (void)state;
    for (size_t i = 0; i < countof(typed); i++) {
        struct query query;
        struct query_result all;
        struct query_result some;
        assert_int_equal(query_parse(typed[i], &query, NULL), ERR_OK);
        assert_int_equal(query_count(fixture.db.conn, &query, UINT64_MAX, &all, NULL), ERR_OK);
        assert_true(all.total > 1);
        assert_false(all.at_least);
        assert_int_equal(query_count(fixture.db.conn, &query, all.total, &some, NULL), ERR_OK);
        assert_int_equal(some.total, all.total);
        assert_false(some.at_least);
        assert_int_equal(query_count(fixture.db.conn, &query, all.total - 1, &some, NULL), ERR_OK);
        assert_int_equal(some.total, all.total - 1);
        assert_true(some.at_least);
    }
}

static void pages_join_without_gap(void **state)
{
    (void)state;
    char all[64];
    (void)snprintf(all, sizeof all, "%s 3 2 1 0", pair());
    for (uint32_t size = 1; size <= 7; size++) {
        struct query query;
        struct seen joined = {0};
        bool more = true;
        assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
        query.limit = size;
        while (more) {
            struct seen seen = ask_query(&query, &query.after, &more);
            assert_true(seen.count <= size);
            for (size_t i = 0; i < seen.count; i++)
                joined.numbers[joined.count++] = seen.numbers[i];
            query.has_after = true;
        }
        check("pages", &joined, all);
    }
}

/* Rows of the certificate tables that the server touches to answer. */
static int64_t rows_read(const char *typed)
{
    struct query query;
    struct query_cursor next;
    bool more;
    PGresult *res;
    /* What this session counted before is written out late, after the reset if nobody insists. */
    fixture_sql(fixture.db.conn, "SELECT pg_stat_force_next_flush()");
    fixture_sql(fixture.db.conn, "SELECT pg_stat_reset()");
    assert_int_equal(query_parse(typed, &query, NULL), ERR_OK);
    (void)ask_query(&query, &next, &more);
    fixture_sql(fixture.db.conn, "SELECT pg_stat_force_next_flush()");
    assert_int_equal(
        pgexec_run(fixture.db.conn,
                   "SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::int8"
                   " FROM pg_stat_user_tables WHERE relname LIKE 'cert\\_%' OR relname = 'log_tile'",
                   &PGEXEC_NO_ARGS, &res, NULL),
        ERR_OK);
    int64_t rows = pgexec_get_int(res, 0, 0);
    PQclear(res);
    return rows;
}

/* Rows of before have the key of the host and no text: they are found by it, and what they can not be found
 * by is said. */
static void rows_of_before_are_not_hidden(void **state)
{
    (void)state;
    struct query query;
    struct query_result result;
    struct seen seen = {0};
    assert_int_equal(query_parse("org:Acme", &query, NULL), ERR_OK);
    assert_int_equal(query_run(fixture.db.conn, &query, see, &seen, &result, NULL), ERR_OK);
    assert_true(result.since_ms == QUERY_NO_TIME);
    fixture_cert_key(fixture.db.conn, &certs[4], dbkey_apex8(SPAN_LIT("email:old.example")));
    fixture_cert_key(fixture.db.conn, &certs[5], dbkey_apex8(SPAN_LIT("uri:old.example")));
    fixture_sql(fixture.db.conn, "INSERT INTO search_since VALUES ('others', '2025-06-05 00:00:00+00')");
    ask("email:old.example", "4");
    ask("uri:old.example", "5");
    ask("email:joe@old.example", "");
    ask("uri:https://old.example/", "");
    assert_int_equal(query_parse("email:joe@old.example", &query, NULL), ERR_OK);
    assert_int_equal(query_run(fixture.db.conn, &query, see, &seen, &result, NULL), ERR_OK);
    assert_int_equal(result.since_ms, INT64_C(1749081600000));
    fixture_sql(fixture.db.conn, "DELETE FROM search_since");
}

/* The whole point of the keys: what a query reads does not grow with what is stored. */
static void keyed_queries_read_little(void **state)
{
    (void)state;
    static const char *const typed[] = {
        "example.com",
        "host:www.example.com",
        "serial:01000003",
        "192.0.2.7",
        "wildcard:example.com",
        "email:joe@example.com",
        "uri:example.com",
        "org:Example",
        "cn:www.example.com",
        "fp:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "spki:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
    fixture_sql(
        fixture.db.conn,
        "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial,"
        " spki_sha256, names) SELECT '2025-09-01', '2025-06-03', '2025-06-03', n, n, 0, 1, 1,"
        " sha256(n::text::bytea), sha256(n::text::bytea), sha256(n::text::bytea), 'test.filler' || n"
        " FROM generate_series(1, 5000) AS n;"
        "ANALYZE cert; ANALYZE cert_apex; ANALYZE cert_ip; ANALYZE log_tile; DISCARD PLANS");
    for (size_t i = 0; i < countof(typed); i++) {
        int64_t rows = rows_read(typed[i]);
        if (rows > 300)
            fail_msg("%s: reads %" PRId64 " rows", typed[i], rows);
    }
    assert_true(rows_read("net") >= 5000);
}

static int open_all(void **state)
{
    (void)state;
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    for (size_t i = 0; i < countof(certs); i++)
        fixture_cert_put(fixture.db.conn, &certs[i]);
    /* not_after of certificate k is 90 days after June 1 + k: one day number for all would not fit, so each
     * tile entry gets its own below. */
    fixture_tile_put(fixture.db.conn, 1, (int)countof(certs), FACTS_FORM_PRECERT, 0);
    fixture_tile_put(fixture.db.conn, 2, (int)countof(certs), FACTS_FORM_FINAL, 0);
    fixture_sql(
        fixture.db.conn,
        "DO $$ DECLARE k int; d int; BEGIN FOR k IN 0 .. 12 LOOP"
        " SELECT floor(extract(epoch FROM not_after) / 86400) INTO d FROM cert WHERE idx = k;"
        " UPDATE log_tile SET info = set_byte(set_byte(info, k * 9 + 7, d / 256), k * 9 + 8, d % 256);"
        " END LOOP; END $$");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_rows),
        cmocka_unit_test(parse_refusals),
        cmocka_unit_test(cursors_fit_one_query),
        cmocka_unit_test(names_find),
        cmocka_unit_test(below_public_suffixes),
        cmocka_unit_test(hashes_find),
        cmocka_unit_test(addresses_find),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(what_was_seen_then_is_since_then),
        cmocka_unit_test(pages_join_without_gap),
        cmocka_unit_test(walks_join_without_gap),
        cmocka_unit_test(counts_know_whether_there_are_more),
        cmocka_unit_test(rows_of_before_are_not_hidden),
        cmocka_unit_test(keyed_queries_read_little),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
