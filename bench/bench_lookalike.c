/* What it costs to ask of every name whether it looks like one of 1,000 brands, beside a plain pass over the
 * bytes of the name, in the same run; and how good the answer is (precision, recall). Floor 1 us a name, goal
 * 0.16. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tests/fixture/likescore.h"
#include "watcher/lookalike.h"
#include "watcher/rule_lookalike.h"

#define NAMES  (1u << 16)
#define ROUNDS 15

struct asked {
    size_t hits;
    uint8_t best;
};

static void note(void *arg, size_t watch, const struct likeness *like)
{
    struct asked *asked = arg;
    (void)watch;
    asked->hits++;
    asked->best = like->score > asked->best ? like->score : asked->best;
}

/* The well-known ones, then names that somebody made up: syllables, now and then a usual end. */
static struct watch *brands_make(size_t count)
{
    static const char *const tails[] = {"",    "",     "",     "",    "ly",  "ify",
                                        "tec", "bank", "soft", "pay", "air", "group"};
    struct watch *watches = calloc(count, sizeof *watches);
    uint64_t seed = 20260101;
    must(watches != NULL);
    for (size_t i = 0; i < count; i++) {
        char text[64];
        size_t len = 0;
        for (size_t k = 2 + likemill_random(&seed) % 3; k > 0; k--)
            len += (size_t)snprintf(
                text + len, sizeof text - len, "%c%c%s", "bcdfghjklmnprstvwxz"[likemill_random(&seed) % 19],
                "aeiouy"[likemill_random(&seed) % 6], likemill_random(&seed) % 3 == 0 ? "n" : "");
        (void)snprintf(text + len, sizeof text - len, "%s.com",
                       tails[likemill_random(&seed) % countof(tails)]);
        watches[i] = (struct watch){.id = (int64_t)i + 1, .kind = WATCH_DNS, .lookalike = WATCH_LOOKALIKE_ON};
        watches[i].name = strdup(i < countof(likemill_brands) ? likemill_brands[i] : text);
        must(watches[i].name != NULL);
    }
    return watches;
}

struct names {
    char text[NAMES][LIKEMILL_NAME];
    struct span name[NAMES];
    struct span apex[NAMES];
};

static struct names *names_make(void)
{
    struct names *names = malloc(sizeof *names);
    uint64_t seed = 4242424242;
    must(names != NULL);
    for (size_t i = 0; i < NAMES; i++) {
        likemill_innocent(&seed, names->text[i]);
        names->name[i] = span_str(names->text[i]);
        names->apex[i] = dns_apex(names->name[i]);
    }
    return names;
}

/* Small pieces, each in its best round: what other programs take in between does not count. */
#define PIECE 1024u

static double best_of(void (*work)(void *arg, size_t begin), void *arg)
{
    double sum = 0;
    for (size_t begin = 0; begin < NAMES; begin += PIECE) {
        int64_t best = INT64_MAX;
        for (size_t round = 0; round < ROUNDS; round++) {
            int64_t start = clock_mono_ns();
            work(arg, begin);
            int64_t took = clock_mono_ns() - start;
            best = took < best ? took : best;
        }
        sum += (double)best;
    }
    return sum / NAMES;
}

struct work {
    const struct lookalike *all;
    const struct names *names;
    struct asked asked;
    size_t sum;
};

static void plain_pass(void *arg, size_t begin)
{
    struct work *work = arg;
    for (size_t i = begin; i < begin + PIECE; i++) {
        struct span name = work->names->name[i];
        for (size_t k = 0; k < name.len; k++)
            work->sum += name.at[k] == '.';
    }
}

static void find_pass(void *arg, size_t begin)
{
    struct work *work = arg;
    for (size_t i = begin; i < begin + PIECE; i++)
        lookalike_find(work->all, work->names->name[i], work->names->apex[i], false, note, &work->asked);
}

static bool is_found(const struct lookalike *all, const char *name)
{
    struct asked asked = {0};
    struct span text = span_str(name);
    lookalike_find(all, text, dns_apex(text), false, note, &asked);
    return asked.best >= RULE_LOOKALIKE_ON;
}

static void row(const char *text, struct likescore_row row)
{
    printf("| %-58s | %6zu | %5zu | %5.1f %% | %5zu | %5.1f %% |\n", text, row.names, row.on,
           100.0 * (double)row.on / (double)row.names, row.strict,
           100.0 * (double)row.strict / (double)row.names);
}

/* As docs/lookalike.md has it. */
static void quality(void)
{
    struct likescore_row rows[LIKESCORE_CLASSES];
    likescore_run(rows);
    struct likescore_row cases = likescore_sum(rows, 0, LIKESCORE_KNOWN);
    struct likescore_row real = likescore_sum(rows, 0, LIKESCORE_MADE_TYPO);
    struct likescore_row all = likescore_sum(rows, 0, LIKESCORE_INNOCENT);
    struct likescore_row wrong = rows[LIKESCORE_INNOCENT];
    printf("| %-58s | %6s | %5s | %7s | %5s | %7s |\n", "names", "number", "on", "", "strict", "");
    for (size_t i = 0; i < LIKESCORE_CLASSES; i++)
        row(likescore_text[i], rows[i]);
    row("recall: all cases", cases);
    row("recall: all real ones", real);
    row("recall: all", all);
    printf("| %-58s |        |       | %5.1f %% |       | %5.1f %% |\n", "precision: of all that is told",
           100.0 * (double)all.on / (double)(all.on + wrong.on),
           100.0 * (double)all.strict / (double)(all.strict + wrong.strict));
    printf("| %-58s |        |       | %5.1f %% |       | %5.1f %% |\n",
           "precision: of real ones and innocent ones that are told",
           100.0 * (double)real.on / (double)(real.on + wrong.on),
           100.0 * (double)real.strict / (double)(real.strict + wrong.strict));
}

/* Names of real certificates, one to a line: who is told of there is to be looked at by a person. */
static bool real_names(struct watch *watches, const char *path)
{
    struct lookalike *all = NULL;
    char line[DNS_TEXT_MAX + 2];
    size_t names = 0;
    size_t told = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "%s: can not be opened\n", path);
        return false;
    }
    must(lookalike_new(watches, countof(likemill_brands), &all) && all != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        names += line[0] != '\0';
        if (line[0] == '\0' || !is_found(all, line))
            continue;
        told++;
        printf("told of: %s\n", line);
    }
    printf("quality real_names=%zu told=%zu\n", names, told);
    (void)fclose(file);
    lookalike_free(all);
    return true;
}

/* An argument: a file of names of real certificates. */
int main(int argc, char **argv)
{
    static const size_t sizes[] = {10, 1000, 10000};
    must(dns_psl_load(SPAN_NONE, NULL) == ERR_OK);
    struct names *names = names_make();
    struct watch *watches = brands_make(sizes[countof(sizes) - 1]);
    struct work work = {.names = names};
    double plain = best_of(plain_pass, &work);
    for (size_t s = 0; s < countof(sizes); s++) {
        struct lookalike *all = NULL;
        must(lookalike_new(watches, sizes[s], &all) && all != NULL);
        work.all = all;
        work.asked = (struct asked){0};
        double ns = best_of(find_pass, &work);
        printf("lookalike brands=%zu got=%.0f ns/name ratio_to_plain_pass=%.1f hits=%.2f%%%s\n", sizes[s], ns,
               ns / plain, 100.0 * (double)work.asked.hits / NAMES / ROUNDS,
               sizes[s] == 1000 ? " floor=1000 goal=160" : "");
        lookalike_free(all);
    }
    quality();
    bool read = argc < 2 || real_names(watches, argv[1]);
    watch_free(watches, sizes[countof(sizes) - 1]);
    free(names);
    return !read || work.sum == 0;
}
