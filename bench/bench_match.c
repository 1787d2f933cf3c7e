/* What a name costs when 10, 10,000 or 1,000,000 domains are watched. Half of the names are hits in the hard
 * case. Prints one line per size: names per list, share of hits, ns per name, ratio to the smallest list. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "watcher/watchset.h"

#define NAMES  (1u << 17)
#define ROUNDS 20

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void count_hit(void *arg, const struct watch *watch)
{
    (void)watch;
    *(size_t *)arg += 1;
}

/* A registrable name of 4 to 15 letters under one of a few suffixes. */
static size_t domain_text(uint64_t number, char *out, size_t cap)
{
    static const char *const suffixes[] = {"com", "net", "org", "de", "co.uk", "io"};
    uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t letters = 4 + next_random(&seed) % 12;
    char label[16];
    for (size_t i = 0; i < letters; i++)
        label[i] = (char)('a' + next_random(&seed) % 26);
    return (size_t)snprintf(out, cap, "%.*s%u.%s", (int)letters, label, (unsigned)(number % 1000),
                            suffixes[number % countof(suffixes)]);
}

static struct watchset *set_of(size_t count)
{
    struct watch *watches = calloc(count, sizeof *watches);
    char text[64];
    must(watches != NULL);
    for (size_t i = 0; i < count; i++) {
        (void)domain_text(i, text, sizeof text);
        watches[i] = (struct watch){
            .id = (int64_t)i + 1, .kind = WATCH_DNS, .exact = i % 8 == 0, .name = strdup(text)};
        must(watches[i].name != NULL);
    }
    struct watchset *set = watchset_new(watches, count, 1);
    must(set != NULL);
    return set;
}

/* hit_of: one name in so many belongs to a watched domain; 0: none. */
static struct span *names_of(size_t watched, unsigned hit_of, char **storage)
{
    static const char *const hosts[] = {"", "www.", "mail.", "*.", "a.b."};
    struct span *names = calloc(NAMES, sizeof *names);
    char *at = malloc((size_t)NAMES * 64);
    uint64_t seed = 88172645463325252u;
    must(names != NULL && at != NULL);
    *storage = at;
    for (size_t i = 0; i < NAMES; i++) {
        bool hit = hit_of != 0 && next_random(&seed) % hit_of == 0;
        uint64_t number = hit ? next_random(&seed) % watched : 10000000 + next_random(&seed) % 10000000;
        size_t len = (size_t)snprintf(at, 64, "%s", hosts[next_random(&seed) % countof(hosts)]);
        len += domain_text(number, at + len, 64 - len);
        names[i] = span_of(at, len);
        at += len;
    }
    return names;
}

static double measure(const struct watchset *set, const struct span *names, size_t *hits)
{
    int64_t best_ns = INT64_MAX;
    for (size_t round = 0; round < ROUNDS; round++) {
        *hits = 0;
        int64_t begin_ns = clock_mono_ns();
        for (size_t i = 0; i < NAMES; i++)
            watchset_find(set, names[i], count_hit, hits);
        int64_t took_ns = clock_mono_ns() - begin_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    return (double)best_ns / NAMES;
}

int main(void)
{
    static const size_t sizes[] = {10, 10000, 1000000};
    static const unsigned hit_of[] = {0, 2};
    for (size_t h = 0; h < countof(hit_of); h++) {
        double first = 0;
        for (size_t s = 0; s < countof(sizes); s++) {
            char *storage = NULL;
            struct watchset *set = set_of(sizes[s]);
            struct span *names = names_of(sizes[s], hit_of[h], &storage);
            size_t hits = 0;
            double ns = measure(set, names, &hits);
            first = s == 0 ? ns : first;
            printf("match watches=%zu hits=%.0f%% ns_per_name=%.1f ratio_to_10=%.2f\n", sizes[s],
                   100.0 * (double)hits / NAMES, ns, ns / first);
            watchset_unpin(set);
            free(names);
            free(storage);
        }
    }
    return 0;
}
