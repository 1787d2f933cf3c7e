#include "watcher/lookalike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/dns.h"
#include "tests/fixture/likemill.h"
#include "watcher/rule_lookalike.h"

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

static void quality(void **state)
{
    uint64_t seed = 88172645463325252u;
    size_t made = 0;
    size_t found = 0;
    size_t by_way[LIKEMILL_WAYS][2] = {{0}};
    char name[LIKEMILL_NAME];
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (size_t b = 0; b < countof(likemill_brands); b++) {
            for (unsigned way = 0; way < LIKEMILL_WAYS; way++) {
                if (!likemill_like(likemill_brands[b], way, &seed, name))
                    continue;
                struct best best = find(name);
                bool good = best.score >= RULE_LOOKALIKE_ON;
                if (!good && getenv("LIKE_SHOW") != NULL)
                    printf("missed way %u %s %s: %u\n", way, likemill_brands[b], name, best.score);
                made++;
                found += good;
                by_way[way][0]++;
                by_way[way][1] += good;
            }
        }
    }
    size_t known = 0;
    for (size_t i = 0; i < countof(likemill_known); i++) {
        struct best best = find(likemill_known[i][1]);
        bool good =
            best.score >= RULE_LOOKALIKE_ON && strcmp(likemill_brands[best.watch], likemill_known[i][0]) == 0;
        if (!good)
            printf("missed known %s: %u\n", likemill_known[i][1], best.score);
        known += good;
    }
    size_t wrong = 0;
    for (size_t i = 0; i < 100000; i++) {
        likemill_innocent(&seed, name);
        struct best best = find(name);
        bool bad = best.score >= RULE_LOOKALIKE_ON;
        if (bad && getenv("LIKE_SHOW") != NULL)
            printf("wrong %s: %s %u\n", name, likemill_brands[best.watch], best.score);
        wrong += bad;
    }
    printf("made %zu found %zu (%.1f %%), known %zu of %zu, wrong %zu\n", made, found,
           100.0 * (double)found / (double)made, known, countof(likemill_known), wrong);
    for (unsigned w = 0; w < LIKEMILL_WAYS; w++)
        printf("way %u: %zu of %zu\n", w, by_way[w][1], by_way[w][0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quality)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
