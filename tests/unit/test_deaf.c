/* What share of requests a server refuses at one rate and at half of it, and what follows from that. The runs
 * through tempo.c are in test_tempo.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ingest/deaf.h"

#define TURN_MS 250

/* Of 100 requests `refused` are, spread evenly; a turn at a time, for as long as it is measured. */
struct server {
    double limit; /* per second; 0: none */
    unsigned refused;
};

static int64_t answer(struct pace *pace, const struct server *server, int64_t now_ms)
{
    double asked = pace->rate * TURN_MS / 1000;
    double good = asked * (100 - server->refused) / 100;
    if (server->limit > 0 && good > server->limit * TURN_MS / 1000)
        good = server->limit * TURN_MS / 1000;
    /* Whole answers, what is left over is carried on in the share of the next turn. */
    static double rest_good, rest_bad;
    rest_good += good;
    rest_bad += asked - good;
    struct tempo_heard heard = {.good = (unsigned)rest_good, .refused = (unsigned)rest_bad};
    rest_good -= heard.good;
    rest_bad -= heard.refused;
    deaf_count(pace, &heard, now_ms);
    (void)deaf_turn(pace, now_ms);
    return now_ms + TURN_MS;
}

static void what_is_found(void **state)
{
    static const struct {
        const char *what;
        struct server server;
        double rate;
        double usual, usual_off; /* what is found, give or take */
        double after, after_off; /* and the rate then */
    } rows[] = {
        {"a fifth, always", {0, 20}, 20, 0.2, 0.05, 40, 0.1},
        {"a limit", {8, 0}, 10, 0, 0, 8, 1},
        {"far beyond a limit", {8, 0}, 80, 0, 0, 8, 1},
        {"a limit and a fifth", {8, 20}, 20, 0.2, 0.05, 10, 1.5},
        {"nothing is refused", {0, 0}, 20, 0, 0, 20, 0.1},
        {"almost everything is, which is not believed", {0, 95}, 20, 0, 0, 1, 1},
        {"half, always", {0, 50}, 20, 0.5, 0.05, 40, 0.1},
        {"very far beyond a limit", {8, 0}, 800, 0, 0, 8, 4},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct pace pace = {.rate = 2 * rows[i].rate};
        int64_t now_ms = 1000000;
        bool begun = false;
        for (unsigned cuts = 0; cuts < 5 && !begun; cuts++) {
            begun = deaf_cut(&pace, false, now_ms);
            pace.rate = rows[i].rate;
        }
        assert_true(begun);
        while (pace.phase != 0 && now_ms < 2000000)
            now_ms = answer(&pace, &rows[i].server, now_ms);
        if (pace.phase != 0 || fabs(pace.usual - rows[i].usual) > rows[i].usual_off ||
            fabs(pace.rate - rows[i].after) > rows[i].after_off)
            fail_msg("%s: phase %d, usual %.3f, rate %.2f", rows[i].what, (int)pace.phase, pace.usual,
                     pace.rate);
    }
}

/* What is usual is no refusal; much more than that is; and after a while it is looked at again. */
static void what_is_usual(void **state)
{
    static const struct server limit = {.limit = 30};
    struct pace pace = {
        .rate = 40, .usual = 0.2, .known = 400, .phase_ms = 1000, .run_good = 80, .run_refused = 20};
    int64_t now_ms = 601500;
    (void)state;
    assert_true(deaf_tolerates(&pace));
    assert_true(deaf_through(&pace) > 0.79 && deaf_through(&pace) < 0.81);
    pace.run_refused = 60;
    assert_false(deaf_tolerates(&pace));
    pace.usual = 0;
    pace.run_refused = 1;
    assert_false(deaf_tolerates(&pace));
    /* It was a limit by now: seen ten minutes later. */
    pace.usual = 0.2;
    assert_true(deaf_turn(&pace, now_ms));
    assert_true(pace.rate < 29);
    while (pace.phase != 0 && now_ms < 2000000)
        now_ms = answer(&pace, &limit, now_ms);
    assert_true(pace.usual == 0);
    /* A clock that was set back ends nothing and hangs nowhere. */
    pace = (struct pace){.rate = 10, .phase = 1, .phase_ms = 9000000};
    now_ms = 1000;
    while (pace.phase != 0 && now_ms < 1000000)
        now_ms = answer(&pace, &limit, now_ms);
    assert_int_equal(pace.phase, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_found), cmocka_unit_test(what_is_usual)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
