/* Search against rows that were written as ingest writes them: every kind against a plain look at all of
 * them, pages while rows come, and plans. */
#include "tests/fixture_cert.h"

#include "base/clock.h"
#include "db/pgexec.h"
#include "db/query.h"
#include "db/query_sql.h"
#include "tests/fixture/plainlook.h"
#include "tests/fixture/storetest.h"

#define FIRST  240 /* issuances of the snapshot */
#define MOST   400
#define DAY_MS INT64_C(86400000)

static struct fixture_db fixture;
static struct store *store;
static struct batch batch;
static struct store_range range;
static struct ctlog ctlog = {.id = 1};
static uint64_t stored;

static struct plain made[MOST];

/* Issuances up to `count`, one commit. */
static void store_up_to(uint64_t count)
{
    struct issuances_entry specs[MOST];
    size_t fresh = 0;
    for (uint64_t number = stored; number < count; number++)
        specs[fresh++] =
            (struct issuances_entry){number, number % 3 == 0 ? ISSUANCE_PRECERT : ISSUANCE_FINAL, false};
    if (fresh == 0)
        return;
    issuances_batch(&batch, &ctlog, stored, specs, fresh);
    batch.watch_generation = 1;
    for (size_t i = 0; i < fresh; i++) {
        plain_make(&made[stored + i], stored + i, &batch.arena);
        batch.entries[i].issuance = made[stored + i].issuance;
    }
    storetest_must_commit(store, &range, &batch);
    stored = count;
}

struct seen {
    uint64_t number[MOST];
    size_t count;
};

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    struct seen *seen = arg;
    (void)why;
    assert_true(seen->count < MOST);
    seen->number[seen->count++] = row->index;
    return ERR_OK;
}

static int compare(uint64_t a, uint64_t b)
{
    return plain_compare(&made[a], &made[b]);
}

/* All pages. With `grow` rows come meanwhile. */
static void read_pages(const struct query *first, uint32_t size, bool grow, struct seen *seen)
{
    struct query query = *first;
    struct query_result result = {.more = true};
    struct err why = {0};
    query.limit = size;
    seen->count = 0;
    while (result.more) {
        size_t before = seen->count;
        char cursor[QUERY_CURSOR_MAX];
        if (query_run(fixture.db.conn, &query, see, seen, &result, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_true(seen->count - before <= size && !result.unfinished);
        if (result.more) {
            (void)query_cursor_text(&result.next, &query, cursor);
            assert_int_equal(query_cursor_parse(cursor, &query, &why), ERR_OK);
        }
        if (grow && stored + 4 <= MOST)
            store_up_to(stored + 4);
    }
}

static const char *const asked[] = {"example.com",
                                    "sub:b.example.com",
                                    "host:www.example.com",
                                    "host:x.example.com",
                                    "host:a.b.example.com",
                                    "name:*.example.com",
                                    "name:example.com",
                                    "wildcard:example.com",
                                    "wildcard:b.example.com",
                                    "wildcard:github.io",
                                    "github.io",
                                    "net",
                                    "email:joe@example.com",
                                    "email:JOE@mail.example.com",
                                    "email:example.com",
                                    "email:example.org",
                                    "uri:spiffe://example.com/ns/a",
                                    "uri:example.com",
                                    "uri:www.example.org",
                                    "org:acme INC",
                                    "org:Acme",
                                    "org:Nobody",
                                    "cn:root  ca",
                                    "cn:Example.com",
                                    "cn:a.b.example.com",
                                    "issuer:CN=CA",
                                    "text:example",
                                    "text:b.example.com",
                                    "text:acme",
                                    "text:spiffe://",
                                    "text:oe@",
                                    "text:b.ex",
                                    "text:.b.",
                                    "text:b.",
                                    "text:.b",
                                    "text:..",
                                    "text:\xc3\x96sterreich",
                                    "text:x41",
                                    "text:\\x41",
                                    "text:(*",
                                    "text:root",
                                    "email:x@y@example.com"};

static void every_kind_finds_what_a_plain_look_finds(void **state)
{
    (void)state;
    static struct seen seen;
    for (size_t i = 0; i < countof(asked); i++) {
        struct query query;
        struct query_result counted;
        struct err why = {0};
        size_t expected = 0;
        if (query_parse(asked[i], &query, &why) != ERR_OK)
            fail_msg("%s: %s", asked[i], why.text);
        read_pages(&query, i % 2 == 0 ? 31 : 1000, false, &seen);
        for (uint64_t n = 0; n < stored; n++)
            expected += plain_fits(&made[n], &query);
        for (size_t k = 0; k < seen.count; k++) {
            if (!plain_fits(&made[seen.number[k]], &query))
                fail_msg("%s: found %u", asked[i], (unsigned)seen.number[k]);
            if (k != 0 && compare(seen.number[k - 1], seen.number[k]) >= 0)
                fail_msg("%s: twice, or not in order", asked[i]);
        }
        if (seen.count != expected)
            fail_msg("%s: %zu found, %zu are there", asked[i], seen.count, expected);
        if (query_count(fixture.db.conn, &query, 10000, &counted, &why) != ERR_OK)
            fail_msg("%s: %s", asked[i], why.text);
        assert_int_equal(counted.total, expected);
        assert_false(counted.at_least);
    }
}

static void filters_leave_out_what_they_say(void **state)
{
    (void)state;
    static struct seen all;
    static struct seen seen;
    struct query query;
    struct query_result counted;
    struct err why = {0};
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    read_pages(&query, 1000, false, &all);
    assert_true(all.count > 60);
    query.form = QUERY_PRECERT;
    read_pages(&query, 5, false, &seen);
    size_t expected = 0;
    for (size_t i = 0; i < all.count; i++)
        expected += all.number[i] % 3 == 0;
    assert_int_equal(seen.count, expected);
    assert_int_equal(query_count(fixture.db.conn, &query, 10000, &counted, &why), ERR_OK);
    assert_int_equal(counted.total, expected);
    query.form = QUERY_ANY_FORM;
    assert_int_equal(query_count(fixture.db.conn, &query, 10, &counted, &why), ERR_OK);
    assert_true(counted.at_least);
    assert_int_equal(counted.total, 10);
    assert_int_equal(query_count(fixture.db.conn, &query, UINT64_MAX, &counted, &why), ERR_OK);
    assert_int_equal(counted.total, all.count);
    assert_int_equal(query_parse_issuer("2", &query, NULL), ERR_OK);
    read_pages(&query, 5, false, &seen);
    assert_true(seen.count != 0 && seen.count < all.count);
    assert_int_equal(query_parse_issuer("nobody at all", &query, NULL), ERR_OK);
    assert_int_equal(query_count(fixture.db.conn, &query, 10, &counted, &why), ERR_OK);
    assert_true(counted.no_issuer && counted.total == 0);
    query.issuer[0] = '\0';
    query.expired = true;
    read_pages(&query, 1000, false, &seen);
    expected = seen.count;
    query.expired = false;
    query.exclude_expired = true;
    read_pages(&query, 1000, false, &seen);
    assert_int_equal(expected + seen.count, all.count);
}

static uint64_t counted_by(const struct query *query)
{
    struct query_result counted;
    assert_int_equal(query_count(fixture.db.conn, query, UINT64_MAX, &counted, NULL), ERR_OK);
    assert_int_equal(counted.no_issuer, counted.total == 0);
    return counted.total;
}

/* Keys that a name stands for: alone, or beside those whose name it is a part of. */
static void issuers_by_keys(void **state)
{
    uint8_t keys[3][32] = {{0}};
    struct query query;
    PGresult *res;
    uint64_t by_id[2];
    (void)state;
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        char sql[96];
        (void)snprintf(query.issuer, sizeof query.issuer, "%d", i + 1);
        by_id[i] = counted_by(&query);
        assert_true(by_id[i] != 0);
        (void)snprintf(sql, sizeof sql, "SELECT spki_sha256 FROM issuer WHERE id = %d", i + 1);
        assert_int_equal(pgexec_run(fixture.db.conn, sql, &PGEXEC_NO_ARGS, &res, NULL), ERR_OK);
        memcpy(keys[2 - i], pgexec_get_bytes(res, 0, 0).at, 32);
        PQclear(res);
    }
    memset(keys[0], 0xa5, 32); /* nobody's */
    assert_int_equal(query_parse_issuer("ca:somebody", &query, NULL), ERR_OK);
    query.issuer_keys = (const uint8_t(*)[32])keys;
    query.issuer_by_key = true;
    query.issuer_key_count = 1;
    assert_int_equal(counted_by(&query), 0);
    query.issuer_key_count = 2;
    assert_int_equal(counted_by(&query), by_id[1]);
    query.issuer_key_count = 3;
    assert_int_equal(counted_by(&query), by_id[0] + by_id[1]);
    query.issuer_key_count = 2;
    query.issuer_by_key = false;
    assert_int_equal(counted_by(&query), by_id[1]);
    assert_int_equal(query_parse_issuer("CN=", &query, NULL), ERR_OK);
    assert_true(counted_by(&query) > by_id[1]);
    query.issuer_by_key = true;
    assert_int_equal(counted_by(&query), by_id[1]);
}

/* Nothing twice, nothing of the first look missing. Last of all, because rows are added. */
static void pages_stand_while_rows_come(void **state)
{
    (void)state;
    static struct seen seen;
    for (size_t i = 0; i < countof(asked); i += 2) {
        struct query query;
        uint64_t snapshot = stored;
        size_t expected = 0;
        size_t found = 0;
        assert_int_equal(query_parse(asked[i], &query, NULL), ERR_OK);
        read_pages(&query, 17, true, &seen);
        for (uint64_t n = 0; n < snapshot; n++)
            expected += plain_fits(&made[n], &query);
        for (size_t k = 0; k < seen.count; k++) {
            found += seen.number[k] < snapshot;
            if (k != 0 && compare(seen.number[k - 1], seen.number[k]) >= 0)
                fail_msg("%s: twice, or not in order", asked[i]);
        }
        if (found != expected)
            fail_msg("%s: %zu of %zu found", asked[i], found, expected);
    }
    assert_true(stored > FIRST + 40);
}

/* Texts that are stored come back byte by byte. */
static enum err_code is_as_made(void *arg, const struct query_row *row, struct err *why)
{
    const struct issuance *was = &made[row->index].issuance;
    const struct issuance *is = row->issuance;
    (void)why;
    ++*(size_t *)arg;
    assert_int_equal(is->org_count, was->org_count);
    if (is->org_count != 0)
        assert_true(span_eq(is->orgs[0], was->orgs[0]));
    for (size_t i = 0; i < was->name_count; i++) {
        bool there = false;
        for (size_t k = 0; k < is->name_count; k++)
            there = there || (is->names[k].kind == was->names[i].kind &&
                              span_eq(is->names[k].text, was->names[i].text));
        assert_true(there);
    }
    return ERR_OK;
}

static void hostile_texts_come_back(void **state)
{
    (void)state;
    struct query query;
    struct query_result result;
    size_t count = 0;
    assert_int_equal(query_parse("issuer:CN=CA", &query, NULL), ERR_OK);
    query.limit = 1000;
    assert_int_equal(query_run(fixture.db.conn, &query, is_as_made, &count, &result, NULL), ERR_OK);
    assert_int_equal(count, stored);
}

/* Parameters behind the common ones, as types and as SQL. */
static const struct plan {
    const struct query_sql *sql;
    unsigned types[3];
    const char *values;
} plans[] = {
    {&query_sql_domain, {25, 25}, ", ' com.example ', ' com.example.'"},
    {&query_sql_below, {25, 25}, ", ' com.example ', ' com.example.'"},
    {&query_sql_wildcard, {25}, ", 'x'"},
    {&query_sql_wildcard_below, {25}, ", 'x'"},
    {&query_sql_spki, {17}, ", sha256('x')"},
    {&query_sql_fp, {17}, ", sha256('x')"},
    {&query_sql_sha256, {17}, ", sha256('x')"},
    {&query_sql_hash, {17}, ", sha256('x')"},
    {&query_sql_serial, {17, 17, 17}, ", 'x', 'y', 'z'"},
    {&query_sql_ip, {869}, ", '192.0.2.0/24'"},
    {&query_sql_others, {25, 16}, ", 'x', true"},
    {&query_sql_cn, {25, 25, 20}, ", 'x', 'y', 7"},
    {&query_sql_issuer, {0}, ""},
    {&query_sql_text, {25, 25, 25}, ", 'x', 'y', 'z'"},
};

static void check_plan(const char *name, const char *sql, const struct plan *plan)
{
    unsigned types[QUERY_SQL_COMMON + 3] = {20, 1184, 1184, 1184, 1184, 1184, 17, 20, 20, 1184, 1007};
    int count = QUERY_SQL_COMMON;
    char execute[512];
    for (size_t i = 0; i < 3 && plan->types[i] != 0; i++)
        types[count++] = plan->types[i];
    PGresult *res = PQprepare(fixture.db.conn->pg, "plan", sql, count, types);
    if (PQresultStatus(res) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", name, PQerrorMessage(fixture.db.conn->pg));
    PQclear(res);
    (void)snprintf(
        execute, sizeof execute,
        "EXPLAIN EXECUTE plan (1, '0001-01-01', '9999-12-31', '0001-01-01', '0001-01-01', '9999-12-31',"
        " sha256('x'), 0, 100, '9999-12-31', '{1,2}'%s)",
        plan->values);
    res = PQexec(fixture.db.conn->pg, execute);
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", name, PQerrorMessage(fixture.db.conn->pg));
    for (int row = 0; row < PQntuples(res); row++) {
        const char *line = PQgetvalue(res, row, 0);
        if (strstr(line, "Seq Scan on cert") != NULL || strstr(line, "Seq Scan on log_tile") != NULL)
            fail_msg("%s: %s", name, line);
    }
    assert_true(PQntuples(res) > 5);
    PQclear(res);
    PQclear(PQexec(fixture.db.conn->pg, "DEALLOCATE plan"));
}

/* With plans made without a look at the parameters, as they are used. Small tables are read in order by any
 * planner, so it is told to avoid that: a scan that is left has no index to take its place. */
static void no_statement_has_to_read_all_rows(void **state)
{
    (void)state;
    assert_int_equal(countof(plans), query_sql_count);
    fixture_sql(fixture.db.conn, "SET enable_seqscan = off");
    for (size_t i = 0; i < countof(plans); i++) {
        assert_ptr_equal(plans[i].sql, query_sql_all[i]);
        check_plan(plans[i].sql->name, plans[i].sql->page, &plans[i]);
        if (plans[i].sql->whole != NULL)
            check_plan(plans[i].sql->name, plans[i].sql->whole, &plans[i]);
        check_plan(plans[i].sql->name, plans[i].sql->count, &plans[i]);
    }
    fixture_sql(fixture.db.conn, "RESET enable_seqscan; DISCARD PLANS");
}

/* Scans of whole tables of those that grow with the logs, by everybody: their number, and which ones. */
static int64_t scans(char tables[256])
{
    PGresult *res = NULL;
    fixture_sql(fixture.db.conn, "SELECT pg_stat_force_next_flush()");
    assert_int_equal(
        pgexec_run(fixture.db.conn,
                   "SELECT coalesce(sum(seq_scan), 0)::int8, string_agg(relname || ' ' || seq_scan, ', ')"
                   " FROM pg_stat_user_tables WHERE relname ~ "
                   "'^(cert_.*([0-9]|before|after)|log_tile|der_chunk)$' AND seq_scan > 0",
                   &PGEXEC_NO_ARGS, &res, NULL),
        ERR_OK);
    int64_t count = pgexec_get_int(res, 0, 0);
    (void)snprintf(tables, 256, "%s", pgexec_get_text(res, 0, 1));
    PQclear(res);
    return count;
}

/* All that a search runs, not only its first statement: rows, addresses, twins, places. Counted by the
 * server. */
static void no_kind_reads_a_table_from_its_beginning(void **state)
{
    (void)state;
    static struct seen seen;
    char tables[256];
    fixture_sql(fixture.db.conn, "SELECT pg_stat_reset()");
    fixture_sql(fixture.db.conn, "SET enable_seqscan = off; DISCARD PLANS");
    fixture_sql(fixture.db.conn, "SELECT count(*) FROM log_tile WHERE length(info) < 0");
    int64_t before = scans(tables);
    assert_string_equal(tables, "log_tile 1"); /* it is counted */
    for (size_t i = 0; i < countof(asked); i++) {
        struct query query;
        struct query_result counted;
        assert_int_equal(query_parse(asked[i], &query, NULL), ERR_OK);
        read_pages(&query, 1000, false, &seen);
        assert_int_equal(query_count(fixture.db.conn, &query, 10000, &counted, NULL), ERR_OK);
        if (scans(tables) != before)
            fail_msg("%s: scans of whole tables: %s", asked[i], tables);
    }
    fixture_sql(fixture.db.conn, "RESET enable_seqscan; DISCARD PLANS");
}

/* However little time there is: what comes piece by piece is the whole, and nothing else. */
static void pieces_are_the_whole(void **state)
{
    (void)state;
    static const char *const typed[] = {"text:example", "github.io"};
    static struct seen seen;
    for (size_t i = 0; i < countof(typed); i++) {
        struct query query;
        struct query_result result = {.more = true};
        size_t expected = 0;
        int looks = 0;
        assert_int_equal(query_parse(typed[i], &query, NULL), ERR_OK);
        query.limit = 1000;
        query.timeout_ms = 40;
        seen.count = 0;
        while (result.more) {
            struct err why = {0};
            enum err_code code = query_run(fixture.db.conn, &query, see, &seen, &result, &why);
            if ((code != ERR_OK && code != ERR_TIMEOUT) || ++looks > 10000)
                fail_msg("%s: look %d, %u ms: %s", typed[i], looks, query.timeout_ms, why.text);
            if (code == ERR_TIMEOUT)
                query.timeout_ms *= 2;
            if (code == ERR_OK || result.more) {
                query.has_after = true;
                query.after = result.next;
            }
            result.more = result.more || code != ERR_OK;
        }
        for (uint64_t n = 0; n < stored; n++)
            expected += plain_fits(&made[n], &query);
        for (size_t k = 1; k < seen.count; k++)
            assert_true(compare(seen.number[k - 1], seen.number[k]) < 0);
        assert_int_equal(seen.count, expected);
    }
}

static int open_all(void **state)
{
    struct err why = {0};
    (void)state;
    fixture_db_open(&fixture);
    fixture_sql(
        fixture.db.conn,
        "INSERT INTO log (name, protocol, url, log_id, key) VALUES ('one', 'rfc6962', 'https://one.example/',"
        " sha256('one'), 'k');"
        "INSERT INTO log_range (log, range_begin, next, verified, frontier) VALUES (1, 0, 0, 0, "
        "int8send(0))");
    if (store_pg_open(fixture.db.dsn, &store, &why) != ERR_OK)
        fail_msg("%s", why.text);
    storetest_take(store, 1, &range);
    assert_true(batch_init(&batch, STORETEST_BATCH_BYTES));
    store_up_to(FIRST);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    batch_fini(&batch);
    store->ops->free(store);
    fixture_db_close(&fixture);
    return 0;
}

int main(int argc, char **argv)
{
    FIXTURE_DB_KEEPER(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_finds_what_a_plain_look_finds),
        cmocka_unit_test(filters_leave_out_what_they_say),
        cmocka_unit_test(issuers_by_keys),
        cmocka_unit_test(hostile_texts_come_back),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(no_statement_has_to_read_all_rows),
        cmocka_unit_test(no_kind_reads_a_table_from_its_beginning),
        cmocka_unit_test(pages_stand_while_rows_come),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
