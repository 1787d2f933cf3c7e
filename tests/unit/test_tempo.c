/* Simulated operators and simulated time: what comes through, and how much is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/tempo.h"

#define STEP_MS     5
#define SLICE_MS    250
#define WINDOW      4096 /* requests under way at most */
#define CONNECTIONS 6

struct server {
    const char *name;
    double limit; /* good answers per second; of each connection with by_connection; 0: none */
    double burst;
    bool by_connection;
    double random; /* this share is refused whatever happens, of those within the limit too */
    int64_t rtt_ms;
    int64_t retry_after_ms; /* 0: not said */
    int64_t outage_ms;      /* from, */
    int64_t outage_end_ms;  /* to: nothing but refusals */
    double later_limit;     /* from the middle of the run on; 0: the same */
    bool no_trial;
    double start;
    double demand; /* requests per second that are wanted; 0: any number */
    /* What must come of it, in the second half of the run. */
    double yield; /* of limit */
    double refused;
};

struct run {
    struct pace pace;
    struct tempo_bounds bounds;
    struct tempo_heard heard;
    double local; /* requests in hand */
    double next_ms;
    double bucket[CONNECTIONS];
    double wish;
    uint64_t seed;
    struct {
        int64_t at_ms;
        int64_t sent_ms;
        bool refused;
    } flight[WINDOW];
    size_t first, count;
    double good, bad; /* of the half that counts */
    double rate_least;
};

static double random_of(struct run *run)
{
    run->seed = run->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (double)(run->seed >> 11) / (double)(UINT64_C(1) << 53);
}

static double limit_at(const struct server *server, int64_t now_ms, int64_t total_ms)
{
    return server->later_limit > 0 && now_ms > total_ms / 2 ? server->later_limit : server->limit;
}

static bool server_refuses(const struct server *server, struct run *run, double limit, int64_t now_ms)
{
    if (now_ms >= server->outage_ms && now_ms < server->outage_end_ms)
        return true;
    if (random_of(run) < server->random)
        return true;
    if (limit <= 0 || (server->by_connection && tempo_fresh(&run->pace)))
        return false;
    double *bucket = &run->bucket[server->by_connection ? (size_t)(random_of(run) * CONNECTIONS) : 0];
    if (*bucket < 1)
        return true;
    *bucket -= 1;
    return false;
}

static void send_one(const struct server *server, struct run *run, double limit, int64_t now_ms)
{
    if (run->count == WINDOW)
        return;
    size_t at = (run->first + run->count++) % WINDOW;
    run->flight[at].at_ms = now_ms + server->rtt_ms;
    run->flight[at].sent_ms = now_ms;
    run->flight[at].refused = server_refuses(server, run, limit, now_ms);
    run->heard.sent++;
}

static void answers(const struct server *server, struct run *run, int64_t now_ms, bool counts)
{
    while (run->count > 0 && run->flight[run->first].at_ms <= now_ms) {
        bool refused = run->flight[run->first].refused;
        if (refused) {
            run->heard.refused++;
            run->heard.refused_sent_ms = run->flight[run->first].sent_ms;
            run->heard.hold_ms = server->retry_after_ms;
        } else {
            run->heard.good++;
        }
        run->good += counts && !refused;
        run->bad += counts && refused;
        run->first = (run->first + 1) % WINDOW;
        run->count--;
    }
}

static void step(const struct server *server, struct run *run, int64_t now_ms, int64_t total_ms)
{
    double limit = limit_at(server, now_ms, total_ms);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        run->bucket[i] += limit * STEP_MS / 1000;
        run->bucket[i] = run->bucket[i] < server->burst ? run->bucket[i] : server->burst;
    }
    answers(server, run, now_ms, now_ms > total_ms / 2);
    if (now_ms % SLICE_MS == 0 || run->heard.hold_ms != 0) {
        run->heard.starved = run->wish >= 1;
        tempo_turn(&run->pace, &run->bounds, &run->heard, now_ms);
        run->heard = (struct tempo_heard){.sent = 0};
        run->local +=
            tempo_lease(&run->pace, tempo_slice(&run->pace, SLICE_MS) - run->local, SLICE_MS, now_ms);
    }
    run->rate_least =
        now_ms > total_ms / 2 && run->pace.rate < run->rate_least ? run->pace.rate : run->rate_least;
    run->wish += server->demand > 0 ? server->demand * STEP_MS / 1000 : 1000;
    run->wish = run->wish > 1000 ? 1000 : run->wish;
    /* Spread over the slice, as whole requests. */
    for (; run->local >= 1 && run->wish >= 1 && run->next_ms <= (double)now_ms; run->local--) {
        run->wish--;
        double from_ms = run->next_ms > (double)now_ms - 20 ? run->next_ms : (double)now_ms - 20;
        run->next_ms = from_ms + tempo_gap_ms(&run->pace);
        send_one(server, run, limit, now_ms);
    }
}

static void run_server(const struct server *server, int64_t total_ms, struct run *run)
{
    *run = (struct run){.seed = getenv("TEMPO_SEED") != NULL ? strtoull(getenv("TEMPO_SEED"), NULL, 10) : 7,
                        .rate_least = 1e9};
    run->bounds = (struct tempo_bounds){.start = server->start > 0 ? server->start : 4,
                                        .max = server->start > 1000 ? server->start : 1000,
                                        .kept = server->no_trial,
                                        .min = server->start > 1000 ? 4 : 0};
    for (size_t i = 0; i < CONNECTIONS; i++)
        run->bucket[i] = server->burst;
    tempo_init(&run->pace, &run->bounds, 0);
    for (int64_t now_ms = 0; now_ms < total_ms; now_ms += STEP_MS) {
        step(server, run, now_ms, total_ms);
        if (getenv("TEMPO_TALK") != NULL && now_ms % 1000 == 0)
            fprintf(stderr,
                    "%3d s rate %.2f ceiling %.2f plateau %d used %d good %.1f fresh %d series %d hold %d"
                    " usual %.2f phase %d run %d+%d\n",
                    (int)(now_ms / 1000), run->pace.rate, run->pace.ceiling, (int)run->pace.plateau_ms,
                    (int)run->pace.used_ms, run->pace.good, (int)run->pace.fresh, (int)run->pace.series,
                    (int)(run->pace.hold_until_ms - now_ms), run->pace.usual, (int)run->pace.phase,
                    (int)run->pace.run_good, (int)run->pace.run_refused);
    }
}

static const struct server servers[] = {
    {.name = "13/s", .limit = 13, .burst = 4, .rtt_ms = 300, .yield = 0.9, .refused = 0.02},
    {.name = "13/s, start there, slow",
     .limit = 13,
     .burst = 13,
     .rtt_ms = 1000,
     .start = 13,
     .yield = 0.9,
     .refused = 0.02},
    {.name = "30/s strict", .limit = 30, .burst = 2, .rtt_ms = 50, .yield = 0.9, .refused = 0.02},
    {.name = "30/s burst 30", .limit = 30, .burst = 30, .rtt_ms = 50, .yield = 0.9, .refused = 0.02},
    {.name = "30/s burst 300", .limit = 30, .burst = 300, .rtt_ms = 50, .yield = 0.9, .refused = 0.02},
    {.name = "8/s", .limit = 8, .burst = 8, .rtt_ms = 400, .yield = 0.9, .refused = 0.02},
    {.name = "8/s Retry-After 5",
     .limit = 8,
     .burst = 8,
     .rtt_ms = 400,
     .retry_after_ms = 5000,
     .yield = 0.9,
     .refused = 0.02},
    {.name = "30/s Retry-After 1",
     .limit = 30,
     .burst = 10,
     .rtt_ms = 100,
     .retry_after_ms = 1000,
     .yield = 0.9,
     .refused = 0.02},
    {.name = "75/s Retry-After 1",
     .limit = 75,
     .burst = 10,
     .rtt_ms = 100,
     .retry_after_ms = 1000,
     .yield = 0.9,
     .refused = 0.02},
    {.name = "1/s", .limit = 1, .burst = 1, .rtt_ms = 200, .yield = 0.8, .refused = 0.04},
    {.name = "300/s", .limit = 300, .burst = 20, .rtt_ms = 20, .yield = 0.9, .refused = 0.02},
    {.name = "grows from 10 to 40",
     .limit = 10,
     .later_limit = 40,
     .burst = 10,
     .rtt_ms = 100,
     .yield = 0.8,
     .refused = 0.02},
    {.name = "sinks from 40 to 10",
     .limit = 40,
     .later_limit = 10,
     .burst = 10,
     .rtt_ms = 100,
     .yield = 0.9,
     .refused = 0.02},
    {.name = "5/s by connection",
     .limit = 5,
     .burst = 5,
     .by_connection = true,
     .rtt_ms = 100,
     .yield = 6,
     .refused = 0.001},
    {.name = "5/s by connection, none fresh",
     .limit = 5,
     .burst = 5,
     .by_connection = true,
     .no_trial = true,
     .rtt_ms = 100,
     .yield = 3,
     .refused = 0.02},
    {.name = "a fifth refused at random",
     .limit = 100,
     .burst = 100,
     .random = 0.2,
     .rtt_ms = 100,
     .yield = 0.8,
     .refused = 0.28},
    {.name = "a fifth refused, 16/s, slow",
     .limit = 16,
     .burst = 16,
     .random = 0.2,
     .rtt_ms = 1000,
     .start = 13,
     .yield = 0.8,
     .refused = 0.35},
    {.name = "a fifth refused, no limit",
     .limit = 100,
     .burst = 1e9,
     .random = 0.2,
     .rtt_ms = 100,
     .yield = 3,
     .refused = 0.22},
    {.name = "one in fifty refused",
     .limit = 50,
     .burst = 50,
     .random = 0.02,
     .rtt_ms = 200,
     .yield = 0.6,
     .refused = 0.08},
    {.name = "a third refused",
     .limit = 30,
     .burst = 30,
     .random = 0.33,
     .rtt_ms = 200,
     .yield = 0.6,
     .refused = 0.52},
    {.name = "far too fast at first",
     .limit = 5,
     .burst = 5,
     .rtt_ms = 200,
     .start = 100,
     .no_trial = true,
     .yield = 0.8,
     .refused = 0.02},
    {.name = "every third of a loopback",
     .limit = 1000,
     .burst = 1000,
     .random = 0.33,
     .rtt_ms = 5,
     .start = 10000,
     .yield = 0.5,
     .refused = 0.5},
    {.name = "away for a minute",
     .limit = 20,
     .burst = 10,
     .rtt_ms = 100,
     .outage_ms = 60000,
     .outage_end_ms = 120000,
     .yield = 0.9,
     .refused = 0.02},
    {.name = "nobody wants more",
     .limit = 20,
     .burst = 10,
     .rtt_ms = 100,
     .demand = 5,
     .yield = 0.24,
     .refused = 0.001},
};

static void test_servers(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (size_t i = 0; i < countof(servers); i++) {
        const struct server *server = &servers[i];
        struct run run;
        const char *only = getenv("TEMPO_ONLY");
        if (only != NULL && strcmp(only, server->name) != 0)
            continue;
        int64_t total_ms = 600000;
        run_server(server, total_ms, &run);
        double limit = server->later_limit > 0 ? server->later_limit : server->limit;
        double yield = run.good / (limit * (double)total_ms / 2000);
        double refused = run.bad / (run.good + run.bad);
        bool fine = yield >= server->yield && refused <= server->refused;
        failed += !fine;
        print_message("%-30s yield %.3f (%.2f) refused %.4f (%.3f) rate %.1f ceiling %.1f%s\n", server->name,
                      yield, server->yield, refused, server->refused, run.pace.rate, run.pace.ceiling,
                      fine ? "" : "  <--");
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
