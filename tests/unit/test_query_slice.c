/* Rows that come with their page are those that are read by their places, with all that belongs to them:
 * twins and their sightings, addresses, long names, whatever the pages, the bounds and the connection are. */
#include "tests/fixture_cert.h"

#include "db/query.h"

#define CERTS  40
#define TWINS  100 /* index of the twin of certificate 0 */
#define PLACES (TWINS + CERTS)

static struct fixture_db fixture;

/* Of 17 certificates one key; in the second lot some have an address, and of some it is not known whether. */
static const char cert_sql[] =
    "INSERT INTO issuer (spki_sha256, dn_sha256, dn, dn_text)"
    " VALUES (sha256('other'), sha256('dn'), '\\x3000', 'CN=Other CA');"
    "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial,"
    " spki_sha256, names, cn) SELECT b.at + (n % 6 + 1) * interval '30 days', b.at, b.at + interval '1 hour',"
    "  ('x' || left(encode(sha256('example.net'), 'hex'), 16))::bit(64)::int8, n,"
    "  CASE WHEN n / 17 = 1 AND n % 5 < 2 THEN 0 ELSE 2147483648 END, 1, 1, sha256(('fp' || n)::bytea),"
    "  substring(int8send(n + 1) FROM 8), sha256(('spki' || n / 17)::bytea), 'net.example net.example.h' || n"
    "  || CASE WHEN n = 35 THEN (SELECT string_agg(' net.example.' || md5(i::text), '')"
    "     FROM generate_series(1, 1000) AS i) ELSE '' END, CASE WHEN n % 2 = 0 THEN 'A name' END"
    " FROM generate_series(0, 39) AS n, LATERAL (SELECT timestamptz '2025-06-01' + n / 3 * interval '1 day' "
    "AS "
    "at) AS b;"
    "INSERT INTO cert_ip (not_after, not_before, issuer, tbs_fp, ip) SELECT not_after, not_before, issuer, "
    "tbs_fp,"
    " '192.0.2.0'::inet + idx FROM cert WHERE facts = 0 AND idx % 5 = 0;"
    "INSERT INTO cert (not_after, not_before, first_seen, apex8, idx, facts, issuer, log, tbs_fp, serial,"
    " spki_sha256, names, cn) SELECT not_after, not_before, first_seen + interval '60 days', apex8, idx + "
    "100, 2147483648, 2, "
    "log, "
    "tbs_fp,"
    " serial, spki_sha256, names, cn FROM cert WHERE idx IN (3, 4, 16, 17, 36)";

/* Log 1 has every one where it was first seen, log 2 a final certificate of each TBS. */
static const char tile_sql[] =
    "INSERT INTO log_tile (log, tile, first_index, last_index, fp8, sha8, info) SELECT l.log, 0, 0, l.last,"
    " array_agg(coalesce(('x' || left(encode(c.tbs_fp, 'hex'), 16))::bit(64)::int8, 0) ORDER BY i),"
    " array_agg(CASE WHEN c.idx IS NULL THEN 0 ELSE"
    "  ('x' || left(encode(sha256((l.log || 'sha' || i)::bytea), 'hex'), 16))::bit(64)::int8 END ORDER BY i),"
    " string_agg(substring(int8send(1750000000000 + i) FROM 3) || CASE WHEN c.idx IS NULL THEN '\\x03'::bytea"
    "  WHEN l.log = 1 THEN '\\x01' ELSE '\\x00' END"
    "  || int2send(coalesce(floor(extract(epoch FROM c.not_after) / 86400), 0)::int2), '' ORDER BY i)"
    " FROM (VALUES (1, 139), (2, 39)) AS l (log, last) CROSS JOIN LATERAL generate_series(0, l.last) AS i"
    " LEFT JOIN cert AS c ON c.idx = i GROUP BY l.log, l.last; SELECT place_fill()";

/* Of those with a key of their own: without and with a twin (3, 17, 36), an address (20, 25), perhaps one
 * (26), many names (35). */
static bool is_asked(int number)
{
    static const int numbers[] = {0, 3, 17, 20, 25, 26, 35, 36};
    for (size_t i = 0; i < countof(numbers); i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

struct shown {
    char text[512];
    int64_t first_seen_ms;
    bool there;
    bool precert;
    bool final;
};

struct seen {
    struct shown row[PLACES];
    uint64_t order[PLACES];
    size_t count;
    bool brief;
};

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    struct seen *seen = arg;
    const struct issuance *is = row->issuance;
    char fp[65];
    size_t names = 0;
    size_t ips = 0;
    (void)why;
    assert_true(row->index < PLACES && seen->count < PLACES);
    struct shown *shown = &seen->row[row->index];
    assert_false(shown->there);
    for (size_t i = 0; i < is->name_count; i++) {
        ips += is->names[i].kind == NAME_IP;
        names += is->names[i].text.len;
    }
    (void)snprintf(
        shown->text, sizeof shown->text,
        "%s of %d (%.*s), %s %d %" PRIu64 ": %zu names of %zu bytes, %zu addresses, serial of %zu, "
        "cn of %zu, flags %x, known %d, from %" PRId64 " to %" PRId64 ", seen %" PRId64 "; %" PRIu64
        " places, %" PRIu64 " in doubt, %d %d",
        text_hex(span_of(is->tbs_fp, 32), fp), row->issuer_id, (int)row->issuer.len,
        (const char *)row->issuer.at, row->log, row->log_id, row->index, is->name_count, names, ips,
        is->serial.len, is->subject_cn.len, is->cert_flags, is->issuer_known, is->not_before, is->not_after,
        row->first_seen_ms, seen->brief ? 0 : row->sightings, seen->brief ? 0 : row->unassigned,
        row->precert && !seen->brief, row->final && !seen->brief);
    shown->there = true;
    shown->first_seen_ms = row->first_seen_ms;
    shown->precert = row->precert;
    shown->final = row->final;
    seen->order[seen->count++] = row->index;
    return ERR_OK;
}

static void read_pages(const struct query *first, uint32_t size, struct seen *seen)
{
    struct query query = *first;
    struct query_result result = {.more = true};
    struct err why = {0};
    *seen = (struct seen){.brief = first->brief};
    query.limit = size;
    while (result.more) {
        size_t before = seen->count;
        if (query_run(fixture.db.conn, &query, see, seen, &result, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_true(seen->count - before <= size);
        query.has_after = true;
        query.after = result.next;
        assert_int_equal(PQtransactionStatus(fixture.db.conn->pg), PQTRANS_IDLE);
    }
}

static struct seen truth[2]; /* [1]: brief */

static void hash_of(const char *text, int number, char hex[65])
{
    char sql[128];
    PGresult *res;
    (void)snprintf(sql, sizeof sql, "SELECT encode(sha256('%s%d'), 'hex')", text, number);
    assert_int_equal(pgexec_run(fixture.db.conn, sql, &PGEXEC_NO_ARGS, &res, NULL), ERR_OK);
    (void)snprintf(hex, 65, "%s", pgexec_get_text(res, 0, 0));
    PQclear(res);
}

/* Which certificates (and their twins) have the value `number` of a kind. */
struct key {
    const char *kind;
    const char *hashed; /* the key is the hash of this and the number; NULL: the number itself */
    int each;           /* so many certificates, one after the other, have one key */
};

static const struct key keys[] = {{"fp:", "fp", 1},       {"spki:", "spki", 17}, {"serial:", NULL, 1},
                                  {"sha256:", "1sha", 1}, {"", "spki", 17},      {"", "fp", 1},
                                  {"", "2sha", 1}};

static void parse(const struct key *key, int number, struct query *query)
{
    char hex[65];
    char typed[96];
    struct err why = {0};
    if (key->hashed != NULL)
        hash_of(key->hashed, number, hex);
    else
        (void)snprintf(hex, sizeof hex, "%x", number + 1);
    (void)snprintf(typed, sizeof typed, "%s%s", key->kind, hex);
    if (query_parse(typed, query, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static bool is_wanted(const struct query *query, const struct shown *row, uint64_t index)
{
    return row->there && row->first_seen_ms >= query->seen_since_ms &&
           (query->issuer[0] == '\0' || (index >= TWINS) == (query->issuer[0] == '2')) &&
           (query->form != QUERY_PRECERT || row->precert) && (query->form != QUERY_FINAL || row->final);
}

static void compare(const struct key *key, int number, const struct query *query, uint32_t size)
{
    static struct seen seen;
    read_pages(query, size, &seen);
    for (uint64_t index = 0; index < PLACES; index++) {
        const struct shown *is = &truth[query->brief].row[index];
        bool wanted = (int)(index % TWINS) / key->each == number && index % TWINS < CERTS &&
                      is_wanted(query, &truth[0].row[index], index);
        if (seen.row[index].there != wanted)
            fail_msg("%s%d, pages of %u: %u is %s", key->kind, number, size, (unsigned)index,
                     wanted ? "missing" : "there");
        if (wanted && strcmp(seen.row[index].text, is->text) != 0)
            fail_msg("pages of %u:\n%s\n%s", size, seen.row[index].text, is->text);
    }
    size_t at = 0; /* in the order of all */
    for (size_t i = 0; i < truth[0].count && at < seen.count; i++)
        at += truth[0].order[i] == seen.order[at];
    assert_int_equal(at, seen.count);
}

/* A short page comes with its rows, one of 512 and more does not. */
static void compare_all(const struct query *bounds, const uint32_t *sizes, size_t size_count)
{
    for (size_t i = 0; i < countof(keys); i++) {
        for (int number = 0; number * keys[i].each < CERTS; number++) {
            struct query query;
            if (keys[i].each == 1 && !is_asked(number))
                continue;
            parse(&keys[i], number, &query);
            query.form = bounds->form;
            query.brief = bounds->brief;
            query.seen_since_ms = bounds->seen_since_ms;
            (void)snprintf(query.issuer, sizeof query.issuer, "%s", bounds->issuer);
            for (size_t k = 0; k < size_count; k++)
                compare(&keys[i], number, &query, sizes[k]);
        }
    }
}

static void rows_are_the_same_by_every_way(void **state)
{
    static const uint32_t sizes[] = {100, 1, 2, 3, 16, 17, 511, 512, 1000};
    static const uint32_t few[] = {100, 2, 512};
    (void)state;
    struct query bounds = {.seen_since_ms = QUERY_NO_TIME};
    compare_all(&bounds, sizes, countof(sizes));
    bounds.brief = true;
    compare_all(&bounds, few, countof(few));
    bounds.form = QUERY_FINAL;
    compare_all(&bounds, few, countof(few));
    bounds.brief = false;
    bounds.form = QUERY_PRECERT;
    compare_all(&bounds, few, countof(few));
    bounds.form = QUERY_ANY_FORM;
    bounds.seen_since_ms = INT64_C(1753000000000); /* twins alone */
    compare_all(&bounds, few, countof(few));
    bounds.seen_since_ms = QUERY_NO_TIME;
    bounds.issuer[0] = '1';
    compare_all(&bounds, few, countof(few));
    bounds.issuer[0] = '2';
    compare_all(&bounds, few, countof(few));
}

/* Behind a pooler each statement is a trip of its own. */
static void rows_are_the_same_behind_a_pooler(void **state)
{
    static const uint32_t few[] = {100, 2, 512};
    (void)state;
    struct query bounds = {.seen_since_ms = QUERY_NO_TIME};
    fixture.db.conn->pooled = true;
    compare_all(&bounds, few, countof(few));
    bounds.brief = true;
    compare_all(&bounds, few, countof(few));
    fixture.db.conn->pooled = false;
}

/* As it is said by a search that reads rows by their places and asks for their twins. */
static int open_all(void **state)
{
    struct query query;
    (void)state;
    fixture_db_open(&fixture);
    fixture_logs(fixture.db.conn);
    fixture_sql(fixture.db.conn, cert_sql);
    fixture_sql(fixture.db.conn, tile_sql);
    assert_int_equal(query_parse("example.net", &query, NULL), ERR_OK);
    read_pages(&query, 1000, &truth[0]);
    query.brief = true;
    read_pages(&query, 1000, &truth[1]);
    assert_int_equal(truth[0].count, CERTS + 5);
    assert_non_null(strstr(truth[0].row[0].text, "2 names of 25 bytes, 0 addresses"));
    assert_non_null(strstr(truth[0].row[0].text, "2 places, 0 in doubt, 1 1"));
    assert_non_null(strstr(truth[0].row[3].text, "1 places, 1 in doubt, 1 0"));
    assert_non_null(strstr(truth[0].row[103].text, "1 places, 1 in doubt, 1 0"));
    assert_non_null(strstr(truth[0].row[20].text, "1 addresses"));
    assert_non_null(strstr(truth[0].row[35].text, "1002 names"));
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
        cmocka_unit_test(rows_are_the_same_by_every_way),
        cmocka_unit_test(rows_are_the_same_behind_a_pooler),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
