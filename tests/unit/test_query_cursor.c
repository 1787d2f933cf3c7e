/* Pages and bounds: what is asked of a store of random issuances, with any filters together, is what a plain
 * look at all of them finds; and a cursor that nobody gave out finds what lies behind its place, or nothing.
 */
#include "tests/fixture_cert.h"

#include "base/clock.h"
#include "db/query.h"
#include "tests/fixture/plainlook.h"
#include "tests/fixture/storetest.h"

#define COUNT    360
#define SEARCHES 400

static struct fixture_db fixture;
static struct store *store;
static struct batch batch;
static struct store_range range;
static struct ctlog ctlog = {.id = 1};
static struct plain made[COUNT];
static int64_t first_seen_ms[COUNT];

/* The same numbers in each run. */
static uint32_t drawn(uint32_t below)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

/* What is typed for "%s" is hex of a hash of `what`, number drawn. */
static const struct asked {
    const char *typed;
    const char *what;
    uint32_t numbers;
} asked[] = {
    {"example.com", NULL, 0},
    {"sub:b.example.com", NULL, 0},
    {"host:www.example.com", NULL, 0},
    {"host:a.b.example.com", NULL, 0},
    {"name:*.example.com", NULL, 0},
    {"wildcard:example.com", NULL, 0},
    {"github.io", NULL, 0},
    {"wildcard:io", NULL, 0},
    {"net", NULL, 0},
    {"email:example.com", NULL, 0},
    {"email:Joe@mail.example.com", NULL, 0},
    {"uri:example.com", NULL, 0},
    {"uri:urn:uuid:1", NULL, 0},
    {"org:acme INC", NULL, 0},
    {"cn:root ca", NULL, 0},
    {"cn:example.com", NULL, 0},
    {"text:example", NULL, 0},
    {"text:.b.", NULL, 0},
    {"text:%", NULL, 0},
    {"text:_", NULL, 0},
    {"text:.*", NULL, 0},
    {"text:\\", NULL, 0},
    {"issuer:CN=CA", NULL, 0},
    {"ip:192.0.2.7", NULL, 0},
    {"ip:192.0.2.0/24", NULL, 0},
    {"ip:0.0.0.0/0", NULL, 0},
    {"ip:::/0", NULL, 0},
    {"ip:2001:db8::/32", NULL, 0},
    {"ip:::ffff:192.0.2.0/120", NULL, 0},
    {"ip:192.0.2.130/25", NULL, 0},
    {"serial:0", NULL, 0},
    {"serial:00:01", NULL, 0},
    {"serial:-1", NULL, 0},
    {"serial:0080", NULL, 0},
    {"serial:-80", NULL, 0},
    {"serial:0x102", NULL, 0},
    {"serial:-81", NULL, 0},
    {"spki:%s", "spki", 5},
    {"fp:%s", "fp", COUNT},
    {"sha256:%s", "sha pre", COUNT},
    {"sha256:%s", "sha fin", COUNT},
    {"%s", "sha fin", COUNT},
    {"%s", "spki", 5},
};

static void draw_typed(const struct asked *row, char out[128])
{
    uint8_t hash[32];
    char hex[65];
    if (row->what == NULL) {
        (void)snprintf(out, 128, "%s", row->typed);
        return;
    }
    issuances_hash(row->what, drawn(row->numbers), hash);
    (void)text_hex(span_of(hash, 32), hex);
    (void)snprintf(out, 128, "%.*s%s", (int)(strlen(row->typed) - 2), row->typed, hex);
}

/* At the times that there are, and a little off. */
static int64_t draw_time(void)
{
    int64_t at = made[drawn(COUNT)].issuance.not_before * 1000;
    return at + (int64_t)drawn(3) - 1;
}

static void draw_bounds(struct query *query)
{
    if (drawn(3) == 0)
        query->since_ms = draw_time();
    if (drawn(3) == 0)
        query->until_ms = draw_time();
    if (drawn(4) == 0)
        query->seen_since_ms = first_seen_ms[drawn(COUNT)] + (int64_t)drawn(3) - 1;
    query->exclude_expired = drawn(4) == 0;
    query->expired = drawn(6) == 0;
    query->form = (enum query_form)(drawn(2) == 0 ? drawn(3) : QUERY_ANY_FORM);
    if (drawn(4) == 0) {
        uint8_t key[32];
        issuances_hash("issuer", drawn(7), key);
        (void)text_hex(span_of(key, 32), query->issuer);
    }
}

static bool is_wanted(const struct plain *one, const struct query *query)
{
    const struct issuance *issuance = &one->issuance;
    int64_t not_before_ms = issuance->not_before * 1000;
    bool expired = issuance->not_after * 1000 < clock_wall_ms();
    char hex[65];
    /* All have the same name. */
    if (strlen(query->issuer) == 64 &&
        strcmp(query->issuer, text_hex(span_of(issuance->issuer_spki_sha256, 32), hex)) != 0)
        return false;
    if ((query->form == QUERY_PRECERT && !one->precert) || (query->form == QUERY_FINAL && !one->final))
        return false;
    if ((query->exclude_expired && expired) || (query->expired && !expired))
        return false;
    if (query->since_ms != QUERY_NO_TIME && not_before_ms < query->since_ms)
        return false;
    if (query->until_ms != QUERY_NO_TIME && not_before_ms >= query->until_ms)
        return false;
    if (query->seen_since_ms != QUERY_NO_TIME && first_seen_ms[one->number] < query->seen_since_ms)
        return false;
    return plain_fits(one, query);
}

static const struct plain *made_as(const uint8_t tbs_fp[32])
{
    for (size_t i = 0; i < COUNT; i++) {
        if (memcmp(made[i].issuance.tbs_fp, tbs_fp, 32) == 0)
            return &made[i];
    }
    fail_msg("found what nobody made");
    return NULL;
}

struct seen {
    const struct plain *one[COUNT];
    size_t count;
};

static enum err_code see(void *arg, const struct query_row *row, struct err *why)
{
    struct seen *seen = arg;
    const struct plain *one = made_as(row->issuance->tbs_fp);
    (void)why;
    assert_true(seen->count < COUNT);
    assert_true(row->precert == one->precert && row->final == one->final);
    assert_int_equal(row->sightings, one->precert + one->final);
    assert_int_equal(row->first_seen_ms, first_seen_ms[one->number]);
    seen->one[seen->count++] = one;
    return ERR_OK;
}

static void read_pages(const struct query *first, uint32_t size, struct seen *seen)
{
    struct query query = *first;
    struct query_result result = {.more = true};
    struct err why = {0};
    query.limit = size;
    seen->count = 0;
    for (unsigned page = 0; result.more; page++) {
        size_t before = seen->count;
        char cursor[QUERY_CURSOR_MAX];
        if (query_run(fixture.db.conn, &query, see, seen, &result, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_true(page <= COUNT && seen->count - before <= size && !result.unfinished);
        if (!result.more)
            break;
        (void)query_cursor_text(&result.next, &query, cursor);
        assert_int_equal(query_cursor_parse(cursor, &query, &why), ERR_OK);
    }
}

static void check_search(const char *typed, const struct query *query, const struct seen *seen)
{
    struct query_result counted;
    struct err why = {0};
    size_t expected = 0;
    for (size_t i = 0; i < COUNT; i++)
        expected += is_wanted(&made[i], query);
    for (size_t i = 0; i < seen->count; i++) {
        if (!is_wanted(seen->one[i], query))
            fail_msg("%s: found %u", typed, (unsigned)seen->one[i]->number);
        if (i != 0 && plain_compare(seen->one[i - 1], seen->one[i]) >= 0)
            fail_msg("%s: twice, or not in order", typed);
    }
    if (seen->count != expected)
        fail_msg("%s: %zu found, %zu are there", typed, seen->count, expected);
    if (query_count(fixture.db.conn, query, UINT64_MAX, &counted, &why) != ERR_OK)
        fail_msg("%s: %s", typed, why.text);
    if (counted.total != expected || counted.at_least)
        fail_msg("%s: counted %u, %zu are there", typed, (unsigned)counted.total, expected);
}

static void any_search_finds_what_a_plain_look_finds(void **state)
{
    static const uint32_t sizes[] = {3, 17, 31, 1000};
    static struct seen seen;
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < SEARCHES; i++) {
        char typed[128];
        struct query query;
        struct err why = {0};
        draw_typed(&asked[i % countof(asked)], typed);
        if (query_parse(typed, &query, &why) != ERR_OK)
            fail_msg("%s: %s", typed, why.text);
        if (i >= countof(asked)) /* each kind once without bounds */
            draw_bounds(&query);
        read_pages(&query, sizes[drawn(countof(sizes))], &seen);
        check_search(typed, &query, &seen);
        found += seen.count != 0;
    }
    assert_true(found > SEARCHES / 4);
}

/* Whoever makes up a place in the order gets what lies behind it, as anybody does. */
static void places_that_nobody_gave_out(void **state)
{
    static const int64_t times[] = {INT64_C(-62135596800001), INT64_C(-62135596800000), -1, 0, ISSUANCES_T0,
                                    INT64_C(253402300800000)};
    static struct seen seen;
    (void)state;
    for (size_t i = 0; i < 60; i++) {
        struct query query;
        char text[QUERY_CURSOR_MAX];
        size_t expected = 0;
        struct query_cursor place = {.not_before_ms = times[i % countof(times)],
                                     .issuer_id = i % 3 == 0   ? INT32_MIN
                                                  : i % 3 == 1 ? INT32_MAX
                                                               : 0};
        memset(place.tbs_fp, i % 2 == 0 ? 0x00 : 0xff, 32);
        if (drawn(2) == 0)
            place.not_before_ms = draw_time();
        assert_int_equal(query_parse(asked[i % 30].typed, &query, NULL), ERR_OK);
        assert_int_equal(query_cursor_parse(query_cursor_text(&place, &query, text), &query, NULL), ERR_OK);
        read_pages(&query, 50, &seen);
        for (size_t k = 0; k < COUNT; k++) {
            int64_t at = made[k].issuance.not_before * 1000;
            expected += is_wanted(&made[k], &query) &&
                        (at < place.not_before_ms || (at == place.not_before_ms && i % 2 == 0));
        }
        assert_int_equal(seen.count, expected);
    }
}

/* Whatever is done to a cursor: it is refused, or it is one. */
static void damaged_cursors(void **state)
{
    static struct seen seen;
    struct query query;
    struct query_cursor place = {.not_before_ms = ISSUANCES_T0, .issuer_id = 3};
    char good[QUERY_CURSOR_MAX];
    size_t taken = 0;
    (void)state;
    assert_int_equal(query_parse("example.com", &query, NULL), ERR_OK);
    (void)query_cursor_text(&place, &query, good);
    for (size_t i = 0; i < 3000; i++) {
        char bad[2 * QUERY_CURSOR_MAX];
        struct query again = query;
        struct err why = {0};
        size_t len = strlen(good);
        size_t at = drawn((uint32_t)len);
        (void)snprintf(bad, sizeof bad, "%s", good);
        if (i % 3 == 0)
            bad[at] = (char)(1 + drawn(255));
        else if (i % 3 == 1)
            memmove(bad + at, bad + at + 1, len - at);
        else
            (void)snprintf(bad + at, sizeof bad - at, "%c%s", "0_-9f \xff"[drawn(7)], good + at);
        enum err_code code = query_cursor_parse(bad, &again, &why);
        assert_true(code == ERR_OK || (code == ERR_USAGE && why.text[0] != '\0'));
        if (code != ERR_OK || strcmp(bad, good) == 0)
            continue;
        if (++taken % 8 == 0)
            read_pages(&again, 1000, &seen);
    }
    assert_true(taken > 50);
}

static bool fits(const char *cursor, const struct query *query)
{
    struct query again = *query;
    struct err why = {0};
    enum err_code code = query_cursor_parse(cursor, &again, &why);
    assert_true(code == ERR_OK ? again.has_after : code == ERR_USAGE && !again.has_after);
    return code == ERR_OK;
}

static struct query of_serial(const char *text, const char *issuer)
{
    struct query query;
    assert_int_equal(query_parse("serial:0102", &query, NULL), ERR_OK);
    (void)snprintf(query.text, sizeof query.text, "%s", text);
    (void)snprintf(query.issuer, sizeof query.issuer, "%s", issuer);
    return query;
}

/* Whatever decides which rows there are, a cursor is bound to it; how many make a page does not. */
static void a_cursor_is_bound_to_all_that_is_asked(void **state)
{
    const struct query query = of_serial("ab", "c");
    const struct query_cursor place = {.not_before_ms = ISSUANCES_T0, .issuer_id = 3};
    struct query other[12];
    char text[QUERY_CURSOR_MAX];
    (void)state;
    for (size_t i = 0; i < countof(other); i++)
        other[i] = query;
    other[0].kind = QUERY_FP;
    other[1].form = QUERY_FINAL;
    other[2].exclude_expired = true;
    other[3].expired = true;
    other[4].since_ms = 1;
    other[5].until_ms = 1;
    other[6].seen_since_ms = 1;
    other[7].bytes[1] ^= 1;
    other[8].len--;
    other[9] = of_serial("ab", "d");
    other[10] = of_serial("a", "bc");
    other[11] = of_serial("abc", "");
    (void)query_cursor_text(&place, &query, text);
    assert_true(fits(text, &query));
    for (size_t i = 0; i < countof(other); i++) {
        if (fits(text, &other[i]))
            fail_msg("%zu makes no difference", i);
    }
    other[0] = query;
    other[0].limit = 1;
    other[0].brief = true;
    other[0].timeout_ms = 1;
    assert_true(fits(text, &other[0]));
}

/* The outermost places that there may be, and those beyond. */
static void the_ends_of_cursors(void **state)
{
    static const struct {
        int64_t not_before_ms;
        int32_t issuer_id;
        bool good;
    } rows[] = {
        {INT64_C(-62135596800001), INT32_MIN, true},
        {INT64_C(253402300800000), INT32_MAX, true},
        {INT64_C(-62135596800002), 0, false},
        {INT64_C(253402300800001), 0, false},
        {INT64_MIN, 0, false},
        {INT64_MAX, 0, false},
    };
    const struct query query = of_serial("", "");
    char text[QUERY_CURSOR_MAX];
    char bad[QUERY_CURSOR_MAX + 8];
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct query_cursor place = {.not_before_ms = rows[i].not_before_ms, .issuer_id = rows[i].issuer_id};
        memset(place.tbs_fp, 0xff, 32);
        assert_int_equal(fits(query_cursor_text(&place, &query, text), &query), rows[i].good);
    }
    const struct query_cursor place = {.issuer_id = 7};
    (void)query_cursor_text(&place, &query, text);
    const char *bound = strrchr(text, '_') + 1;
    static const char *const ids[] = {"2147483648", "-2147483649", "", "7x"};
    for (size_t i = 0; i < countof(ids); i++) {
        (void)snprintf(bad, sizeof bad, "%.*s%s_%s", 2 + 65, text, ids[i], bound);
        assert_false(fits(bad, &query));
    }
    (void)snprintf(bad, sizeof bad, "%.*s7_%s", 2 + 65, text, bound);
    assert_true(fits(bad, &query));
    /* One digit of the hash more, and what is bound with one more, less, or another one. */
    (void)snprintf(bad, sizeof bad, "%.*s0_7_%s", 2 + 64, text, bound);
    assert_false(fits(bad, &query));
    (void)snprintf(bad, sizeof bad, "%s0", text);
    assert_false(fits(bad, &query));
    for (size_t i = 0; bound[i] != '\0'; i++) {
        (void)snprintf(bad, sizeof bad, "%s", text);
        char *digit = bad + (bound - text) + i;
        *digit = *digit == '0' ? '1' : '0';
        assert_false(fits(bad, &query));
    }
    (void)snprintf(bad, sizeof bad, "%.*s", (int)strlen(text) - 1, text);
    assert_false(fits(bad, &query));
}

static void nothing_is_between_bounds_that_cross(void **state)
{
    static struct seen seen;
    static const int64_t ends[][2] = {{1, 0},
                                      {0, 0},
                                      {INT64_MAX, QUERY_NO_TIME},
                                      {QUERY_NO_TIME, INT64_MIN + 1},
                                      {INT64_MAX, INT64_MIN + 1},
                                      {INT64_C(253402300800000), QUERY_NO_TIME}};
    (void)state;
    for (size_t i = 0; i < countof(ends); i++) {
        struct query query;
        assert_int_equal(query_parse(i % 2 == 0 ? "example.com" : "text:example", &query, NULL), ERR_OK);
        query.since_ms = ends[i][0];
        query.until_ms = ends[i][1];
        read_pages(&query, 1000, &seen);
        if (seen.count != 0)
            fail_msg("bounds %zu: %zu found", i, seen.count);
    }
}

static void store_all(void)
{
    static struct issuances_entry specs[2 * COUNT];
    size_t entries = 0;
    for (uint64_t number = 0; number < COUNT; number++) {
        made[number].precert = number % 3 != 1;
        made[number].final = number % 3 != 0;
        first_seen_ms[number] = ISSUANCES_T0 + (int64_t)entries;
        if (made[number].precert)
            specs[entries++] = (struct issuances_entry){number, ISSUANCE_PRECERT, false};
        if (made[number].final)
            specs[entries++] = (struct issuances_entry){number, ISSUANCE_FINAL, false};
    }
    issuances_batch(&batch, &ctlog, 0, specs, entries);
    batch.watch_generation = 1;
    for (size_t i = 0; i < entries; i++) {
        struct plain *one = &made[specs[i].number];
        plain_make(one, specs[i].number, &batch.arena);
        batch.entries[i].issuance = one->issuance;
    }
    storetest_must_commit(store, &range, &batch);
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
    store_all();
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
        cmocka_unit_test(any_search_finds_what_a_plain_look_finds),
        cmocka_unit_test(places_that_nobody_gave_out),
        cmocka_unit_test(damaged_cursors),
        cmocka_unit_test(a_cursor_is_bound_to_all_that_is_asked),
        cmocka_unit_test(the_ends_of_cursors),
        cmocka_unit_test(nothing_is_between_bounds_that_cross),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
