#include "watcher/lookalike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/dns.h"
#include "tests/fixture/likescore.h"

static struct watch watches[countof(likemill_brands)];
static struct lookalike *all;

struct best {
    uint8_t score;
    size_t watch;
    struct likeness like;
    size_t hits;
};

static void note(void *arg, size_t watch, const struct likeness *like)
{
    struct best *best = arg;
    best->hits++;
    if (like->score <= best->score)
        return;
    best->score = like->score;
    best->watch = watch;
    best->like = *like;
}

static struct best find(const char *name)
{
    struct best best = {.watch = SIZE_MAX};
    struct span text = span_str(name);
    lookalike_find(all, text, dns_apex(text), false, note, &best);
    return best;
}

static int setup(void **state)
{
    (void)state;
    if (dns_psl_load(SPAN_NONE, NULL) != ERR_OK)
        return -1;
    for (size_t i = 0; i < countof(watches); i++) {
        watches[i].id = (int64_t)i + 1;
        watches[i].lookalike = WATCH_LOOKALIKE_ON;
        watches[i].name = strdup(likemill_brands[i]);
    }
    return lookalike_new(watches, countof(watches), &all) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    lookalike_free(all);
    for (size_t i = 0; i < countof(watches); i++)
        free(watches[i].name);
    return 0;
}

/* Floors, below what it does: 1.00, 72 of 72, 2 in 10,000. */
#define RECALL_FLOOR 0.98
#define WRONG_MOST   60 /* of 100,000 */

static bool is_told(const char *name, size_t *brand)
{
    struct best best = find(name);
    *brand = best.watch;
    return best.score >= RULE_LOOKALIKE_ON;
}

static void made_ones(void **state)
{
    uint64_t seed = 88172645463325252u;
    size_t made = 0;
    size_t told = 0;
    size_t brand;
    char name[LIKEMILL_NAME];
    (void)state;
    for (size_t i = 0; i < 2 * countof(likemill_brands) * LIKEMILL_WAYS; i++) {
        const char *of = likemill_brands[i / LIKEMILL_WAYS % countof(likemill_brands)];
        unsigned way = (unsigned)(i % LIKEMILL_WAYS);
        if (!likemill_like(of, way, &seed, name))
            continue;
        made++;
        if (is_told(name, &brand))
            told++;
        else
            print_message("not told: %s for %s, way %u\n", name, of, way);
    }
    print_message("made %zu, told %zu\n", made, told);
    assert_true(made >= 500);
    assert_true((double)told >= RECALL_FLOOR * (double)made);
}

static void known_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(likemill_known); i++) {
        size_t brand;
        if (!is_told(likemill_known[i][1], &brand) ||
            strcmp(likemill_brands[brand], likemill_known[i][0]) != 0)
            fail_msg("%s is not told of as %s", likemill_known[i][1], likemill_known[i][0]);
    }
}

static void innocent_ones(void **state)
{
    uint64_t seed = 362436069362436069u;
    size_t wrong = 0;
    size_t brand;
    char name[LIKEMILL_NAME];
    (void)state;
    for (size_t i = 0; i < 100000; i++) {
        likemill_innocent(&seed, name);
        wrong += is_told(name, &brand);
    }
    print_message("wrong %zu of 100000\n", wrong);
    assert_true(wrong <= WRONG_MOST);
}

/* The number in the cell behind the next "|"; advances. */
static size_t cell_next(const char **at)
{
    const char *bar = strchr(*at, '|');
    assert_non_null(bar);
    *at = bar + 1;
    return strtoul(bar + 1, NULL, 10);
}

/* A row of the published table: "| TEXT | number | on | % | strict | % |"; false: there is none. */
static bool published_row(const char *page, const char *text, struct likescore_row *row)
{
    char begin[128];
    (void)snprintf(begin, sizeof begin, "\n| %s ", text);
    const char *at = strstr(page, begin);
    if (at == NULL)
        return false;
    at += strlen(begin);
    row->names = cell_next(&at);
    row->on = cell_next(&at);
    (void)cell_next(&at);
    row->strict = cell_next(&at);
    return true;
}

static char *page_read(void)
{
    const char *source = getenv("CTVIGIL_SOURCE");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/docs/lookalike.md", source == NULL ? "." : source);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    char *page = calloc(1, 1 << 16);
    assert_non_null(page);
    assert_in_range(fread(page, 1, (1 << 16) - 1, file), 1, (1 << 16) - 2);
    (void)fclose(file);
    return page;
}

/* It is at least as good as docs/lookalike.md says. */
static void as_published(void **state)
{
    struct likescore_row rows[LIKESCORE_CLASSES];
    (void)state;
    char *page = page_read();
    if (page == NULL) {
        print_message("docs/lookalike.md is not here (CTVIGIL_SOURCE)\n");
        skip();
    }
    likescore_run(rows);
    for (size_t i = 0; i < LIKESCORE_CLASSES; i++) {
        struct likescore_row said = {0};
        if (!published_row(page, likescore_text[i], &said))
            fail_msg("docs/lookalike.md has no row \"%s\"", likescore_text[i]);
        bool good = i == LIKESCORE_INNOCENT ? rows[i].on <= said.on && rows[i].strict <= said.strict
                                            : rows[i].on >= said.on && rows[i].strict >= said.strict;
        if (rows[i].names != said.names || !good)
            fail_msg("%s: %zu names, %zu with on, %zu with strict; published %zu, %zu, %zu",
                     likescore_text[i], rows[i].names, rows[i].on, rows[i].strict, said.names, said.on,
                     said.strict);
    }
    free(page);
    assert_true(likescore_sum(rows, 0, LIKESCORE_INNOCENT).names >= 500);
    assert_int_equal(rows[LIKESCORE_INNOCENT].names, 100000);
}

/* What the tables find is what comparing with each brand finds. */
static void as_one_by_one(void **state)
{
    uint64_t seed = 521288629521288629u;
    char name[LIKEMILL_NAME];
    (void)state;
    for (size_t n = 0; n < 400; n++) {
        if (n % 2 != 0)
            likemill_innocent(&seed, name);
        else if (!likemill_like(likemill_brands[n / 2 % countof(likemill_brands)],
                                (unsigned)(n / 2 % LIKEMILL_WAYS), &seed, name))
            continue;
        struct best best = find(name);
        uint8_t highest = 0;
        for (size_t b = 0; b < countof(likemill_brands); b++) {
            struct likeness_brand brand;
            struct likeness like;
            assert_true(likeness_brand_init(&brand, span_str(likemill_brands[b])));
            if (likeness_judge(&brand, span_str(name), dns_apex(span_str(name)), &like) &&
                like.score > highest)
                highest = like.score;
        }
        if (highest >= RULE_LOOKALIKE_STRICT && best.score != highest)
            fail_msg("%s: %u, not %u", name, best.score, highest);
    }
}

static void nobody_wants_any(void **state)
{
    struct watch none = {.kind = WATCH_DNS, .name = watches[0].name};
    struct watch short_one = {.kind = WATCH_DNS, .name = (char[]){"hp.com"}, .lookalike = WATCH_LOOKALIKE_ON};
    struct lookalike *made = NULL;
    struct best best = {.watch = SIZE_MAX};
    (void)state;
    assert_true(lookalike_new(&none, 1, &made));
    assert_null(made);
    assert_true(lookalike_new(&short_one, 1, &made));
    assert_int_equal(lookalike_brands(made), 0);
    lookalike_find(made, SPAN_LIT("hp.net"), SPAN_LIT("hp.net"), false, note, &best);
    assert_int_equal(best.hits, 0);
    lookalike_free(made);
}

/* The host is looked at again, the domain is not. */
static void again(void **state)
{
    struct best best = {.watch = SIZE_MAX};
    (void)state;
    lookalike_find(all, SPAN_LIT("www.pazpal.com"), SPAN_LIT("pazpal.com"), true, note, &best);
    assert_int_equal(best.hits, 0);
    lookalike_find(all, SPAN_LIT("paypal.com.evil.net"), SPAN_LIT("evil.net"), true, note, &best);
    assert_int_equal(best.like.technique, LIKENESS_HOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_ones),     cmocka_unit_test(known_ones),       cmocka_unit_test(innocent_ones),
        cmocka_unit_test(as_one_by_one), cmocka_unit_test(nobody_wants_any), cmocka_unit_test(again),
        cmocka_unit_test(as_published),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
