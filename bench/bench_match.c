/* What a name costs when 10, 10,000 or 1,000,000 domains are watched, in CPU time, and what a watched one
 * takes of memory. Names are asked for some hundreds at once, as the names of a batch are. Half of the names
 * are hits in the hard case. Prints one line per size: domains of the list, share of hits, ns per name, ratio
 * to the smallest list; and what certspotter's own matching takes in the same run, where it can be had. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "watcher/watchset.h"

#define NAMES      (1u << 17)
#define ROUNDS     20
#define PEER_NAMES 2000
#define AT_ONCE    512

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

static int64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Of this process, in bytes. */
static double resident(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    must(file != NULL && fgets(line, sizeof line, file) != NULL);
    (void)fclose(file);
    char *rest = line;
    (void)strtol(line, &rest, 10);
    return 4096.0 * strtod(rest, NULL);
}

static struct watchset *set_of(size_t count)
{
    struct watch *watches = calloc(count, sizeof *watches);
    char text[64];
    double begin = resident();
    must(watches != NULL);
    for (size_t i = 0; i < count; i++) {
        (void)domain_text(i, text, sizeof text);
        watches[i] = (struct watch){
            .id = (int64_t)i + 1, .kind = WATCH_DNS, .exact = i % 8 == 0, .name = strdup(text)};
        must(watches[i].name != NULL);
    }
    double registered = resident();
    int64_t begin_ns = cpu_ns();
    struct watchset *set = watchset_new(watches, count, 1);
    must(set != NULL);
    if (count >= 10000)
        printf("match watches=%zu memory=%.0f bytes_per_name (%.0f of them policy) made_in=%.2f s\n", count,
               (resident() - begin) / (double)count, (registered - begin) / (double)count,
               (double)(cpu_ns() - begin_ns) / 1e9);
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

/* A list, and names of which some belong to it. */
struct side {
    struct watchset *set;
    struct span *names;
    char *storage;
    size_t hits;
    int64_t best_ns;
};

static void one_round(struct side *side)
{
    side->hits = 0;
    int64_t begin_ns = cpu_ns();
    for (size_t begin = 0; begin < NAMES; begin += AT_ONCE) {
        struct namesift_key keys[4 * AT_ONCE];
        size_t count;
        must(watchset_sift(side->set, side->names + begin, AT_ONCE, keys, countof(keys), &count));
        for (size_t i = 0; i < count; i++)
            watchset_find_sifted(side->set, &keys[i], side->names[begin + keys[i].name], count_hit,
                                 &side->hits);
    }
    int64_t took_ns = cpu_ns() - begin_ns;
    side->best_ns = took_ns < side->best_ns ? took_ns : side->best_ns;
}

/* What certspotter takes for the same list and the first of the same names, in CPU time. */
static void compare_certspotter(const struct side *side, size_t watched, double ours)
{
    const char *program = getenv("CTVIGIL_PEER_CERTSPOTTER");
    char path[] = "/tmp/ctvigil-bench-XXXXXX";
    char command[600];
    char text[64];
    double theirs = 0;
    size_t hits = 0;
    if (program == NULL) {
        printf("match certspotter: CTVIGIL_PEER_CERTSPOTTER is not set (ops/bench sets it with "
               "CERTSPOTTER_SOURCE)\n");
        return;
    }
    must(mkdtemp(path) != NULL);
    (void)snprintf(command, sizeof command, "%s/list", path);
    FILE *list = fopen(command, "we");
    (void)snprintf(command, sizeof command, "%s/names", path);
    FILE *names = fopen(command, "we");
    must(list != NULL && names != NULL);
    for (size_t i = 0; i < watched; i++) {
        (void)domain_text(i, text, sizeof text);
        fprintf(list, "%s%s\n", i % 8 == 0 ? "" : ".", text);
    }
    for (size_t i = 0; i < PEER_NAMES; i++)
        fprintf(names, "%.*s\n", (int)side->names[i].len, (const char *)side->names[i].at);
    must(fclose(list) == 0 && fclose(names) == 0);
    (void)snprintf(command, sizeof command, "'%s' %s/list %s/names", program, path, path);
    FILE *pipe = popen(command, "r");
    must(pipe != NULL);
    char answer[64] = "";
    char *rest = answer;
    if (fgets(answer, sizeof answer, pipe) != NULL) {
        theirs = strtod(answer, &rest);
        hits = strtoul(rest, NULL, 10);
    }
    if (theirs > 0)
        printf("match certspotter watches=%zu names=%d hits=%.0f%% got=%.0f ns_per_name ratio_to_ours=%.0f\n",
               watched, PEER_NAMES, 100.0 * (double)hits / PEER_NAMES, theirs, theirs / ours);
    else
        printf("match certspotter: %s did not answer\n", program);
    (void)pclose(pipe);
    (void)snprintf(command, sizeof command, "rm -r %s", path);
    must(system(command) == 0);
}

/* The lists take turns, so that what else goes on here disturbs all of them; the best round counts. */
int main(void)
{
    static const size_t sizes[] = {10, 10000, 1000000};
    static const char *const wanted[] = {"", " floor=1.10 goal=1.01 (of the pipeline: bench_pipe)",
                                         " floor=100ns goal=35ns"};
    static const unsigned hit_of[] = {0, 2};
    struct watchset *sets[countof(sizes)];
    for (size_t s = 0; s < countof(sizes); s++)
        sets[s] = set_of(sizes[s]);
    for (size_t h = 0; h < countof(hit_of); h++) {
        struct side sides[countof(sizes)];
        for (size_t s = 0; s < countof(sizes); s++) {
            sides[s] = (struct side){.set = sets[s], .best_ns = INT64_MAX};
            sides[s].names = names_of(sizes[s], hit_of[h], &sides[s].storage);
        }
        for (size_t round = 0; round < ROUNDS * countof(sizes); round++)
            one_round(&sides[round % countof(sizes)]);
        for (size_t s = 0; s < countof(sizes); s++)
            printf("match watches=%zu hits=%.0f%% got=%.1f ns_per_name ratio_to_10=%.2f%s\n", sizes[s],
                   100.0 * (double)sides[s].hits / NAMES, (double)sides[s].best_ns / NAMES,
                   (double)sides[s].best_ns / (double)sides[0].best_ns, wanted[s]);
        compare_certspotter(&sides[1], sizes[1], (double)sides[1].best_ns / NAMES);
        for (size_t s = 0; s < countof(sizes); s++) {
            free(sides[s].names);
            free(sides[s].storage);
        }
    }
    for (size_t s = 0; s < countof(sizes); s++)
        watchset_unpin(sets[s]);
    return 0;
}
