/* Simulated operators and simulated time: what comes through in steady state, and how much is asked in vain.
 * Each of them with many seeds: what holds for one may be luck. TEMPO_SEED, TEMPO_ONLY and TEMPO_TALK show
 * one, TEMPO_SEEDS so many. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/tempo.h"

#define SEEDS       20
#define STEP_MS     10
#define SLICE_MS    250
#define WINDOW      4096 /* requests under way at most, of one process */
#define CONNECTIONS 6
#define PROCESSES   2

struct server {
    const char *name;
    double limit; /* good answers per second; of each connection with by_connection; 0: none */
    double burst;
    bool by_connection;
    double random;       /* this share is refused whatever happens, of those within the limit too */
    double later_random; /* from turn_ms on; 0: the same */
    bool random_ends;    /* from turn_ms on there is none */
    int64_t rtt_ms;
    int64_t retry_after_ms; /* 0: not said */
    bool retry_date;        /* as a date, which has whole seconds: it may be over when it is read */
    int64_t outage_ms;      /* from, */
    int64_t outage_end_ms;  /* to: nothing but refusals */
    int64_t turn_ms;        /* from then on it is another limit */
    double later_limit;     /* 0: the same */
    bool two;               /* processes, that share one record; */
    bool apart;             /* or not even that */
    bool no_trial;
    double start;
    double max;
    double demand; /* requests per second that are wanted; 0: any number */
    /* What must come of it from steady_ms on, for steady_for_ms. */
    int64_t steady_ms, steady_for_ms; /* 0: 300 s, for 300 s */
    double yield;                     /* of limit; 0: 0.9 */
    double limited;                   /* refused because of the limit, of what was asked; 0: 0.02 */
};

/* One process. */
struct hand {
    struct tempo_heard heard;
    double local; /* requests in hand */
    double next_ms;
    double wish;
    int64_t clock_ms; /* of a day */
    struct {
        int64_t at_ms;
        int64_t sent_ms;
        bool refused;
    } flight[WINDOW];
    size_t first, count;
};

struct run {
    struct pace pace[PROCESSES]; /* the second one only with `apart` */
    struct tempo_bounds bounds;
    struct hand hand[PROCESSES];
    double bucket[CONNECTIONS];
    uint64_t seed;
    bool counts;
    double good, random, limited; /* answers of the time that counts */
};

static double random_of(struct run *run)
{
    uint64_t z = run->seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) / (double)(UINT64_C(1) << 53);
}

static bool turned(const struct server *server, int64_t now_ms)
{
    return server->turn_ms > 0 && now_ms >= server->turn_ms;
}

static double limit_at(const struct server *server, int64_t now_ms)
{
    return turned(server, now_ms) && server->later_limit > 0 ? server->later_limit : server->limit;
}

static double random_at(const struct server *server, int64_t now_ms)
{
    if (!turned(server, now_ms))
        return server->random;
    return server->random_ends ? 0 : server->later_random > 0 ? server->later_random : server->random;
}

static bool limit_refuses(const struct server *server, struct run *run, const struct pace *pace)
{
    if (server->limit <= 0 || (server->by_connection && tempo_fresh(pace)))
        return false;
    double *bucket = &run->bucket[server->by_connection ? (size_t)(random_of(run) * CONNECTIONS) : 0];
    if (*bucket < 1)
        return true;
    *bucket -= 1;
    return false;
}

static void send_one(const struct server *server, struct run *run, size_t of, int64_t now_ms)
{
    struct hand *hand = &run->hand[of];
    if (hand->count == WINDOW)
        return;
    bool outage = now_ms >= server->outage_ms && now_ms < server->outage_end_ms;
    bool random = random_of(run) < random_at(server, now_ms);
    bool limited = !outage && !random && limit_refuses(server, run, &run->pace[server->apart ? of : 0]);
    size_t at = (hand->first + hand->count++) % WINDOW;
    hand->flight[at].at_ms = now_ms + server->rtt_ms;
    hand->flight[at].sent_ms = now_ms;
    hand->flight[at].refused = outage || random || limited;
    hand->heard.sent++;
    run->random += run->counts && (random || outage);
    run->limited += run->counts && limited;
    run->good += run->counts && !random && !outage && !limited;
}

static int64_t hold_of(const struct server *server, const struct hand *hand, int64_t now_ms)
{
    if (!server->retry_date)
        return server->retry_after_ms;
    int64_t said_ms = now_ms + hand->clock_ms - server->rtt_ms / 2;
    int64_t hold_ms = said_ms / 1000 * 1000 + server->retry_after_ms - (now_ms + hand->clock_ms);
    return hold_ms > 0 ? hold_ms : 0;
}

static void answers(const struct server *server, struct hand *hand, int64_t now_ms)
{
    while (hand->count > 0 && hand->flight[hand->first].at_ms <= now_ms) {
        if (hand->flight[hand->first].refused) {
            hand->heard.refused++;
            hand->heard.refused_sent_ms = hand->flight[hand->first].sent_ms;
            hand->heard.hold_ms = hold_of(server, hand, now_ms);
        } else {
            hand->heard.good++;
        }
        hand->first = (hand->first + 1) % WINDOW;
        hand->count--;
    }
}

static void process(const struct server *server, struct run *run, size_t of, int64_t now_ms)
{
    struct hand *hand = &run->hand[of];
    struct pace *pace = &run->pace[server->apart ? of : 0];
    int64_t offset_ms = of == 0 ? 0 : SLICE_MS / 2 / STEP_MS * STEP_MS;
    answers(server, hand, now_ms);
    if ((now_ms + offset_ms) % SLICE_MS == 0 || hand->heard.hold_ms != 0) {
        hand->heard.starved = hand->wish >= 1;
        tempo_turn(pace, &run->bounds, &hand->heard, now_ms);
        hand->heard = (struct tempo_heard){.sent = 0};
        hand->local += tempo_lease(pace, tempo_slice(pace, SLICE_MS) - hand->local, SLICE_MS, now_ms);
    }
    hand->wish += server->demand > 0 ? server->demand * STEP_MS / 1000 : 1000;
    hand->wish = hand->wish > 1000 ? 1000 : hand->wish;
    /* Spread over the slice, as whole requests. */
    for (; hand->local >= 1 && hand->wish >= 1 && hand->next_ms <= (double)now_ms; hand->local--) {
        hand->wish--;
        double from_ms = hand->next_ms > (double)now_ms - 20 ? hand->next_ms : (double)now_ms - 20;
        hand->next_ms = from_ms + tempo_gap_ms(pace);
        send_one(server, run, of, now_ms);
    }
}

static void talk(const struct run *run, int64_t now_ms)
{
    const struct pace *pace = &run->pace[0];
    fprintf(stderr,
            "%3d s rate %.2f ceiling %.2f plateau %d used %d good %.1f fresh %d series %d hold %d"
            " usual %.3f known %d phase %d run %d+%d\n",
            (int)(now_ms / 1000), pace->rate, pace->ceiling, (int)pace->plateau_ms, (int)pace->used_ms,
            pace->good, (int)pace->fresh, (int)pace->series, (int)(pace->hold_until_ms - now_ms), pace->usual,
            (int)pace->known, (int)pace->phase, (int)pace->run_good, (int)pace->run_refused);
}

static int64_t steady_of(const struct server *server)
{
    return server->steady_ms > 0 ? server->steady_ms : 300000;
}

static int64_t steady_for(const struct server *server)
{
    return server->steady_for_ms > 0 ? server->steady_for_ms : 300000;
}

static void run_server(const struct server *server, uint64_t seed, struct run *run)
{
    int64_t steady_ms = steady_of(server), total_ms = steady_ms + steady_for(server);
    *run = (struct run){.seed = seed * UINT64_C(1000003)};
    run->bounds = (struct tempo_bounds){.start = server->start > 0 ? server->start : 4,
                                        .max = server->max > 0 ? server->max : 1000,
                                        .min = server->start > 1000 ? 4 : 0,
                                        .kept = server->no_trial};
    for (size_t i = 0; i < CONNECTIONS; i++)
        run->bucket[i] = server->burst;
    for (size_t of = 0; of < PROCESSES; of++) {
        run->hand[of].clock_ms = (int64_t)(seed * 53 % 1000);
        tempo_init(&run->pace[of], &run->bounds, 0);
    }
    for (int64_t now_ms = 0; now_ms < total_ms; now_ms += STEP_MS) {
        double limit = limit_at(server, now_ms);
        for (size_t i = 0; i < CONNECTIONS; i++)
            run->bucket[i] = fmin(run->bucket[i] + limit * STEP_MS / 1000, server->burst);
        run->counts = now_ms >= steady_ms;
        for (size_t of = 0; of < (server->two ? (size_t)PROCESSES : 1); of++)
            process(server, run, of, now_ms);
        if (getenv("TEMPO_TALK") != NULL && now_ms % 1000 == 0)
            talk(run, now_ms);
    }
}

static const struct server servers[] = {
    {.name = "13/s", .limit = 13, .burst = 4, .rtt_ms = 300},
    {.name = "13/s, start there, slow", .limit = 13, .burst = 13, .rtt_ms = 1000, .start = 13},
    {.name = "30/s strict", .limit = 30, .burst = 2, .rtt_ms = 50},
    {.name = "30/s burst 30", .limit = 30, .burst = 30, .rtt_ms = 50},
    {.name = "30/s burst 300", .limit = 30, .burst = 300, .rtt_ms = 50},
    {.name = "8/s", .limit = 8, .burst = 8, .rtt_ms = 400},
    {.name = "8/s Retry-After 5", .limit = 8, .burst = 8, .rtt_ms = 400, .retry_after_ms = 5000},
    {.name = "30/s Retry-After 1", .limit = 30, .burst = 10, .rtt_ms = 100, .retry_after_ms = 1000},
    {.name = "75/s Retry-After 1", .limit = 75, .burst = 10, .rtt_ms = 100, .retry_after_ms = 1000},
    {.name = "15/s until a date",
     .limit = 15,
     .burst = 10,
     .rtt_ms = 10,
     .retry_after_ms = 1000,
     .retry_date = true},
    {.name = "15/s until a date, burst 10, 10 ms",
     .limit = 15,
     .burst = 10,
     .rtt_ms = 10,
     .retry_after_ms = 1000,
     .retry_date = true,
     .steady_ms = 30000,
     .steady_for_ms = 60000},
    {.name = "15/s until a date, burst 12, 10 ms",
     .limit = 15,
     .burst = 12,
     .rtt_ms = 10,
     .retry_after_ms = 1000,
     .retry_date = true,
     .steady_ms = 30000,
     .steady_for_ms = 60000},
    {.name = "15/s until a date, burst 16, 10 ms",
     .limit = 15,
     .burst = 16,
     .rtt_ms = 10,
     .retry_after_ms = 1000,
     .retry_date = true,
     .steady_ms = 30000,
     .steady_for_ms = 60000},
    {.name = "15/s until a date, burst 20, 60 ms",
     .limit = 15,
     .burst = 20,
     .rtt_ms = 60,
     .retry_after_ms = 1000,
     .retry_date = true,
     .steady_ms = 30000,
     .steady_for_ms = 60000},
    {.name = "15/s until a date, burst 30, 60 ms",
     .limit = 15,
     .burst = 30,
     .rtt_ms = 60,
     .retry_after_ms = 1000,
     .retry_date = true,
     .steady_ms = 30000,
     .steady_for_ms = 60000},
    {.name = "1/s", .limit = 1, .burst = 1, .rtt_ms = 200},
    {.name = "1/s burst 5, slow", .limit = 1, .burst = 5, .rtt_ms = 2000},
    {.name = "300/s", .limit = 300, .burst = 20, .rtt_ms = 20},
    {.name = "grows from 10 to 40",
     .limit = 10,
     .later_limit = 40,
     .turn_ms = 200000,
     .burst = 10,
     .rtt_ms = 100},
    {.name = "sinks from 40 to 10",
     .limit = 40,
     .later_limit = 10,
     .turn_ms = 200000,
     .burst = 10,
     .rtt_ms = 100},
    {.name = "halved", .limit = 30, .later_limit = 15, .turn_ms = 290000, .burst = 15, .rtt_ms = 100},
    {.name = "halved at Google's",
     .limit = 13,
     .later_limit = 6.5,
     .turn_ms = 250000,
     .burst = 13,
     .rtt_ms = 1000,
     .start = 13},
    {.name = "two processes", .limit = 30, .burst = 10, .rtt_ms = 100, .two = true},
    {.name = "two processes, 1/s", .limit = 1, .burst = 2, .rtt_ms = 100, .two = true},
    {.name = "two processes, random too",
     .limit = 30,
     .burst = 10,
     .random = 0.2,
     .rtt_ms = 100,
     .two = true,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "two that know nothing of each other",
     .limit = 30,
     .burst = 10,
     .rtt_ms = 100,
     .two = true,
     .apart = true},
    {.name = "5/s by connection",
     .limit = 5,
     .burst = 5,
     .by_connection = true,
     .rtt_ms = 100,
     .yield = 6,
     .limited = 0.001},
    {.name = "5/s by connection, none fresh",
     .limit = 5,
     .burst = 5,
     .by_connection = true,
     .no_trial = true,
     .rtt_ms = 100,
     .yield = 3, /* one of them is empty by chance */
     .limited = 0.03},
    {.name = "a fifth refused at random",
     .limit = 100,
     .burst = 100,
     .random = 0.2,
     .rtt_ms = 100,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "a fifth refused, 13/s, slow",
     .limit = 13,
     .burst = 13,
     .random = 0.2,
     .rtt_ms = 1000,
     .start = 13,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000,
     .yield = 0.88, /* twelve answers a second: what is usual is not known to the last digit */
     .limited = 0.025 /* each answer comes a second late */},
    {.name = "a fifth refused, no limit",
     .limit = 0,
     .burst = 1e9,
     .random = 0.2,
     .rtt_ms = 100,
     .yield = 300},
    {.name = "a fifth refused, 200/s at most", .random = 0.2, .rtt_ms = 100, .max = 200, .yield = 144},
    {.name = "a fifth refused, 1/s",
     .limit = 1,
     .burst = 2,
     .random = 0.2,
     .rtt_ms = 300,
     .steady_ms = 3600000,
     .steady_for_ms = 3600000,
     .yield = 0.75, /* so few answers: a limit is seen late */
     .limited = 0.06},
    {.name = "a fifth refused, halved",
     .limit = 40,
     .later_limit = 20,
     .turn_ms = 1100000,
     .burst = 20,
     .random = 0.2,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "a fifth, then none",
     .limit = 30,
     .turn_ms = 400000,
     .random_ends = true,
     .burst = 20,
     .random = 0.2,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "a tenth, then a third",
     .limit = 30,
     .turn_ms = 400000,
     .later_random = 0.33,
     .burst = 20,
     .random = 0.1,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "one in two hundred refused",
     .limit = 50,
     .burst = 50,
     .random = 0.005,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000,
     .yield = 0.85 /* seldom enough to be left alone, mostly */},
    {.name = "one in fifty refused",
     .limit = 50,
     .burst = 50,
     .random = 0.02,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "one in twenty refused",
     .limit = 30,
     .burst = 30,
     .random = 0.05,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "a third refused",
     .limit = 30,
     .burst = 30,
     .random = 0.33,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000},
    {.name = "half of all refused",
     .limit = 30,
     .burst = 30,
     .random = 0.5,
     .rtt_ms = 200,
     .steady_ms = 1200000,
     .steady_for_ms = 1200000,
     .yield = 0.88},
    {.name = "far too fast at first", .limit = 5, .burst = 5, .rtt_ms = 200, .start = 100, .no_trial = true},
    {.name = "every third of a loopback",
     .limit = 1000,
     .burst = 1000,
     .random = 0.33,
     .rtt_ms = 5,
     .start = 10000,
     .max = 10000,
     .steady_ms = 40000,
     .steady_for_ms = 40000,
     .yield = 0.5,
     .limited = 0.3},
    {.name = "away for a minute",
     .limit = 20,
     .burst = 10,
     .rtt_ms = 100,
     .outage_ms = 60000,
     .outage_end_ms = 120000},
    {.name = "nobody wants more",
     .limit = 20,
     .burst = 10,
     .rtt_ms = 100,
     .demand = 5,
     .yield = 0.24,
     .limited = 0.001},
};

/* The worst of all seeds. */
static bool row_is_fine(const struct server *server, uint64_t first, uint64_t count)
{
    double least = INFINITY, most = 0, bound = server->yield > 0 ? server->yield : 0.9;
    double limited = server->limited > 0 ? server->limited : 0.02;
    double limit = server->turn_ms > 0 && server->later_limit > 0 ? server->later_limit : server->limit;
    unsigned failed = 0;
    static struct run run;
    for (uint64_t seed = first; seed < first + count; seed++) {
        run_server(server, seed, &run);
        double good = run.good / (limit > 0 ? limit : 1) / ((double)steady_for(server) / 1000);
        double asked = run.good + run.random + run.limited;
        double vain = asked > 0 ? run.limited / asked : 1;
        failed += good < bound || vain > limited;
        least = fmin(least, good);
        most = fmax(most, vain);
    }
    print_message("%-36s yield %8.3f (%.2f) too much %.4f (%.3f) failed %u%s\n", server->name, least, bound,
                  most, limited, failed, failed == 0 ? "" : "  <--");
    return failed == 0;
}

static void test_servers(void **state)
{
    const char *only = getenv("TEMPO_ONLY"), *first = getenv("TEMPO_SEED"), *count = getenv("TEMPO_SEEDS");
    uint64_t seed = first == NULL ? 1 : strtoull(first, NULL, 10);
    uint64_t seeds = count != NULL ? strtoull(count, NULL, 10) : first == NULL ? SEEDS : 1;
    unsigned failed = 0;
    (void)state;
    for (size_t i = 0; i < countof(servers); i++) {
        if (only != NULL && strcmp(only, servers[i].name) != 0)
            continue;
        failed += !row_is_fine(&servers[i], seed, seeds);
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
