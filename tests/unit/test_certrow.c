/* Which sightings belong to a row, where the same TBS has rows under several issuer keys; what comes back of
 * names whose bytes are kept, and that SQL knows the same keys and bytes. */
#include "db/certrow.h"

#include "db/query.h"
#include "tests/fixture/storetest.h"

struct place {
    int log;
    enum issuance_form form;
    uint8_t bytes;  /* which certificate */
    uint8_t issuer; /* which key it is claimed for */
};

struct seen {
    char text[512];
};

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    (void)why;
    (void)snprintf(seen->text + len, sizeof seen->text - len, "%s%c:%s%s%s %u+%u", len == 0 ? "" : ", ",
                   row->issuance->issuer_spki_sha256[0], row->precert ? "p" : "", row->final ? "f" : "",
                   row->poisoned ? "x" : "", (unsigned)row->sightings, (unsigned)row->unassigned);
    return ERR_OK;
}

static void commit(struct storetest *test, const struct place *place)
{
    const struct issuances_entry spec = {1, place->form, false};
    struct store_range range;
    struct batch batch;
    struct store *store = storetest_open(test->dsn);
    storetest_take(store, place->log + 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &test->log[place->log], range.next, &spec, 1);
    memset(batch.entries[0].issuance.issuer_spki_sha256, place->issuer, 32);
    memset(batch.entries[0].sighting.sha256, place->bytes, 32);
    batch.watch_generation = 1;
    storetest_must_commit(store, &range, &batch);
    batch_fini(&batch);
    store->ops->free(store);
}

static void each_row_has_its_own(void **state)
{
    static const struct {
        struct place places[5];
        size_t count;
        const char *rows; /* by first byte of the key: forms, sightings for certain + in doubt */
    } cases[] = {
        {{{0, ISSUANCE_PRECERT, 1, 'a'}, {0, ISSUANCE_FINAL, 2, 'a'}, {1, ISSUANCE_FINAL, 2, 'a'}},
         3,
         "a:pf 3+0"},
        /* With the poison, in an entry for final ones, it is neither. */
        {{{0, ISSUANCE_POISONED, 1, 'a'}, {1, ISSUANCE_POISONED, 1, 'a'}}, 2, "a:x 2+0"},
        {{{0, ISSUANCE_FINAL, 2, 'a'}, {1, ISSUANCE_POISONED, 1, 'a'}}, 2, "a:fx 2+0"},
        /* Another key signed, or is said to have: its bytes are its own. */
        {{{0, ISSUANCE_PRECERT, 1, 'a'}, {1, ISSUANCE_PRECERT, 1, 'a'}, {1, ISSUANCE_FINAL, 9, 'b'}},
         3,
         "a:p 2+0, b:f 1+0"},
        /* A final certificate that neither was first seen with could be of either. */
        {{{0, ISSUANCE_PRECERT, 1, 'a'}, {0, ISSUANCE_FINAL, 2, 'a'}, {1, ISSUANCE_FINAL, 9, 'b'}},
         3,
         "a:p 1+1, b:f 1+1"},
        /* Without a precertificate that fits there are no bytes to compare. */
        {{{0, ISSUANCE_PRECERT, 0, 'a'}, {1, ISSUANCE_PRECERT, 0, 'a'}, {1, ISSUANCE_FINAL, 9, 'b'}},
         3,
         "a:p 1+1, b:f 1+1"},
        /* The same bytes under two chains. */
        {{{0, ISSUANCE_FINAL, 2, 'a'},
          {1, ISSUANCE_FINAL, 2, 'b'},
          {1, ISSUANCE_FINAL, 2, 'a'},
          {1, ISSUANCE_PRECERT, 1, 'c'}},
         4,
         "a:f 1+1, b:f 1+1, c:p 1+0"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct storetest test;
        struct query query;
        struct query_result result;
        struct seen seen = {""};
        struct pgconn *conn = NULL;
        struct err why = {0};
        uint8_t fp[32];
        char typed[80] = "fp:";
        storetest_new(&test);
        for (size_t k = 0; k < cases[i].count; k++)
            commit(&test, &cases[i].places[k]);
        issuances_hash("fp", 1, fp);
        (void)text_hex(span_of(fp, 32), typed + 3);
        assert_int_equal(query_parse(typed, &query, NULL), ERR_OK);
        assert_int_equal(pgconn_open(test.dsn, &conn, NULL), ERR_OK);
        if (query_run(conn, &query, see, &seen, &result, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_string_equal(seen.text, cases[i].rows);
        pgconn_free(conn);
    }
}

enum { RAW_COUNT = 48 };

/* Bytes of every value, of every length up to 47, with what splits and quotes. */
static struct span raw_of(size_t n, uint8_t out[RAW_COUNT])
{
    static const uint8_t sharp[] = {0, ' ', '\\', '.', 0xff, 0xc3, '\'', '"', '=', 'x', ':', '\n', 0x1b};
    uint8_t hash[32];
    issuances_hash("raw", n, hash);
    for (size_t i = 0; i < n; i++)
        out[i] = i % 3 == 0 ? sharp[hash[i % 32] % sizeof sharp] : (uint8_t)(hash[i % 32] + i);
    return span_of(out, n);
}

struct raw_seen {
    size_t rows;
    const uint8_t (*raw)[RAW_COUNT];
};

static enum err_code same_bytes(void *arg, const struct query_row *row, struct err *why)
{
    struct raw_seen *seen = arg;
    (void)why;
    assert_int_equal(row->issuance->found_count, RAW_COUNT);
    for (size_t i = 0; i < RAW_COUNT; i++)
        assert_true(span_eq(row->issuance->found[i].raw, span_of(seen->raw[i], i)));
    assert_int_equal(row->issuance->name_count, 1);
    seen->rows++;
    return ERR_OK;
}

static const struct {
    const char *asked; /* of schema ct */
    int64_t found;
} looks[] = {
    {"organisation('acme  inc')", 1},
    {"organisation(E'\\tAcme Inc ')", 1},
    {"organisation('acme')", 0},
    {"organisation(E'\\u00c4hren & Co')", 1},
    {"organisation(E'\\u00e4hren & Co')", 0}, /* A to Z alone are folded */
    {"organisation(repeat('long ', 150))", 1},
    {"organisation(repeat('long ', 149))", 0},
    {"organisation('x' || repeat(' long', 110))", 1}, /* a blank where the key ends */
    {"organisation('')", 0},
    {"organisation(NULL)", 0},
    {"email('joe@MAIL.test')", 1},
    {"email('JOE@mail.test')", 1},
    {"email('oe@mail.test')", 0},
    {"email('mail.test')", 1},
    {"email('@mail.test')", 1},
    {"email('test')", 0},
    {"email('%')", 0},
    {"email(NULL)", 0},
    {"uri('www.Y.test')", 1},
    {"uri('https://www.y.test:8443/a?b@c')", 1},
    {"uri('https://www.y.test:8443/a')", 0},
    {"uri('2001:db8::1')", 0}, /* with a colon it is a URI */
    {"uri('https://[2001:db8::1]:443/')", 1},
    {"uri('URN:x')", 1}, /* has no host: found by all of it; and https://x/ is of the same row */
    {"uri('urn:y')", 0},
    {"uri('urn:' || repeat('long', 200))", 1},
    {"uri('urn:' || repeat('long', 199))", 0},
    {"uri('%')", 0},
    {"uri(NULL)", 0},
};

/* The keys that are written here are the ones that SQL asks for. */
static void sql_finds_organisations_addresses_and_uris(void **state)
{
    (void)state;
    struct name names[] = {
        {.kind = NAME_EMAIL, .text = SPAN_LIT("Joe@mail.test")},
        {.kind = NAME_URI, .text = SPAN_LIT("https://u:p@Www.Y.test:8443/a?b@c")},
        {.kind = NAME_URI, .text = SPAN_LIT("https://Www.Y.test:8443/a?b@c")},
        {.kind = NAME_URI, .text = SPAN_LIT("https://[2001:DB8::1]:443/")},
        {.kind = NAME_URI, .text = SPAN_LIT("urn:x")},
        {.kind = NAME_URI, .text = SPAN_LIT("https://x/")},
        {.kind = NAME_URI},
    };
    static char urn[805] = "urn:";
    static char text[760];
    static char other[560] = "x";
    struct span orgs[] = {SPAN_LIT("Acme\t Inc"), SPAN_LIT("\xc3\x84hren & Co"), SPAN_NONE, SPAN_NONE};
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct issuances_entry spec[] = {{7, ISSUANCE_FINAL, false}, {8, ISSUANCE_FINAL, false}};
    for (size_t i = 0; i < 150; i++)
        memcpy(text + 5 * i, "Long ", 5);
    for (size_t i = 0; i < 110; i++)
        memcpy(other + 1 + 5 * i, " Long", 5);
    for (size_t i = 0; i < 200; i++)
        memcpy(urn + 4 + 4 * i, "long", 4);
    names[countof(names) - 1].text = span_str(urn);
    orgs[2] = span_str(text);
    orgs[3] = span_str(other);
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &test.log[0], 0, spec, countof(spec));
    batch.entries[0].issuance.names = names;
    batch.entries[0].issuance.name_count = countof(names);
    batch.entries[0].issuance.orgs = orgs;
    batch.entries[0].issuance.org_count = countof(orgs);
    storetest_must_commit(store, &range, &batch);
    for (size_t i = 0; i < countof(looks); i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM ct.%s", looks[i].asked);
        if (pgtest_count(test.dsn, sql) != looks[i].found)
            fail_msg("%s: not %" PRId64, looks[i].asked, looks[i].found);
    }
    batch_fini(&batch);
    store->ops->free(store);
}

/* raw to stored to raw, in C and in SQL, which agree on the bytes in between. */
static void raw_names_are_the_same_in_c_and_sql(void **state)
{
    (void)state;
    static uint8_t raw[RAW_COUNT][RAW_COUNT];
    struct name found[RAW_COUNT];
    struct name holder = {
        .kind = NAME_DNS, .flags = NAME_PLACEHOLDER, .raw = SPAN_LIT(""), .text = SPAN_LIT("?")};
    struct storetest test;
    struct store_range range;
    struct batch batch;
    struct query query;
    struct query_result result;
    struct err why = {0};
    struct raw_seen seen = {0, (const uint8_t(*)[RAW_COUNT])raw};
    struct pgconn *conn;
    struct issuances_entry spec = {7, ISSUANCE_FINAL, false};
    char sql[512];
    char hex[2 * RAW_COUNT + 1];
    char typed[80] = "fp:";
    uint8_t fp[32];
    storetest_new(&test);
    struct store *store = storetest_open(test.dsn);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    issuances_batch(&batch, &test.log[0], 0, &spec, 1);
    for (size_t i = 0; i < RAW_COUNT; i++)
        found[i] = (struct name){.kind = NAME_DNS, .raw = raw_of(i, raw[i])};
    batch.entries[0].issuance.names = &holder;
    batch.entries[0].issuance.name_count = 1;
    batch.entries[0].issuance.found = found;
    batch.entries[0].issuance.found_count = RAW_COUNT;
    storetest_must_commit(store, &range, &batch);
    for (size_t i = 0; i < RAW_COUNT; i++) {
        (void)snprintf(
            sql, sizeof sql,
            "SELECT ct.unescaped(substring(w FROM 8)) = '\\x%s' AND w = 'rawdns:' || ct.escaped('\\x%s')"
            " AND w ~ '^[!-~]*$' FROM cert, unnest(string_to_array(others, ' ')) WITH ORDINALITY AS u (w, n)"
            " WHERE n = %zu",
            text_hex(found[i].raw, hex), hex, i + 1);
        storetest_text(test.dsn, sql, "t");
    }
    check_sql(test.dsn, "SELECT count(*) FROM ct.names WHERE kind = 'rawdns' AND name ~ '^[ -~]*$'",
              RAW_COUNT);
    check_sql(test.dsn,
              "SELECT count(*) FROM generate_series(0, 255) AS b WHERE "
              "ct.unescaped(ct.escaped(set_byte('\\x00', 0, b)))"
              " = set_byte('\\x00', 0, b)",
              256);
    check_sql(test.dsn,
              "SELECT count(DISTINCT name_value) FROM crtsh.certificate_and_identities WHERE name_type = "
              "'san:dNSName'",
              RAW_COUNT + 1);
    issuances_hash("fp", 7, fp);
    (void)text_hex(span_of(fp, 32), typed + 3);
    assert_int_equal(dns_psl_load(SPAN_LIT("test\n"), &why), ERR_OK);
    assert_int_equal(pgconn_open(test.dsn, &conn, &why), ERR_OK);
    assert_int_equal(query_parse(typed, &query, &why), ERR_OK);
    assert_int_equal(query_run(conn, &query, same_bytes, &seen, &result, &why), ERR_OK);
    assert_int_equal(seen.rows, 1);
    pgconn_free(conn);
    batch_fini(&batch);
    store->ops->free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_its_own),
        cmocka_unit_test(raw_names_are_the_same_in_c_and_sql),
        cmocka_unit_test(sql_finds_organisations_addresses_and_uris),
    };
    must(dns_psl_load(SPAN_LIT("test\nexample\n"), NULL) == ERR_OK);
    return storetest_main(tests, countof(tests), "certrow");
}
