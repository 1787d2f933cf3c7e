/* Many logs that are not well, few batches, and one log that is: it is read to its end all the same. */
#include "tests/fixture/piperig.h"

#define SICK    6
#define BATCHES 4

/* The same simulated log many times, each a host of its own to the program. */
static void sick_logs(const struct simrun *sim, enum ctlog_protocol protocol, struct ctlog logs[SICK])
{
    for (int32_t i = 0; i < SICK; i++) {
        struct ctlog *log = &logs[i];
        simrun_log(sim, protocol, 100 + i, log);
        snprintf(log->name, sizeof(log->name), "sick-%d", (int)i);
        const char *rest = strstr(protocol == CTLOG_STATIC_CT ? sim->static_url : sim->url, "://") + 3;
        snprintf(log->url, sizeof(log->url), "http://h%d@%.200s", (int)i, rest);
    }
}

/* The rig holds the healthy log and comes last in the list, behind all others. */
static void run(struct rig *rig, const struct ctlog sick[SICK])
{
    struct ctlog logs[SICK + 1];
    struct err why = {.code = ERR_OK};
    memcpy(logs, sick, SICK * sizeof(*sick));
    logs[SICK] = rig->log[0];
    for (size_t i = 0; i < SICK; i++)
        fakestore_add(rig->world, sick[i].id, 0);
    rig->options.once = false;
    rig->options.batches = BATCHES;
    rig->options.connections = 32;
    rig->options.poll_ms = 2000; /* many logs: their heads shall not be what keeps the machine busy */
    if (pipe_start(&rig->options, logs, SICK + 1, &rig->pipe, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* The good log may be through before the sick ones had their turn. */
static bool wait_asked(struct simrun *sim, const char *what)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    bool asked = false;
    do {
        json_t *told = simrun_control(sim, NULL);
        asked = json_integer_value(json_object_get(json_object_get(told, "requests"), what)) > 0;
        json_decref(told);
        if (!asked)
            clock_sleep_ms(100);
    } while (!asked && clock_mono_ms() < until_ms);
    return asked;
}

static void test_sick_from_the_start(void **state)
{
    static const struct {
        enum ctlog_protocol protocol;
        const char *fault;
        const char *asked; /* the kind of request that shows that they were tried */
    } rows[] = {
        {CTLOG_RFC6962, "429:1:3600@get-entries", "get-entries"},
        {CTLOG_RFC6962, "5xx:1:500@get-entries", "get-entries"},
        {CTLOG_RFC6962, "slow:90000@get-entries", "get-entries"},
        {CTLOG_STATIC_CT, "5xx:1:500@issuer", "issuer"},
        {CTLOG_STATIC_CT, "slow:90000@issuer", "issuer"},
    };
    struct simrun *sim = calloc(countof(rows), sizeof(*sim));
    struct rig *rig = calloc(countof(rows), sizeof(*rig));
    (void)state;
    assert_true(sim != NULL && rig != NULL);
    /* Side by side, because patience takes its time. */
    for (size_t i = 0; i < countof(rows); i++) {
        struct ctlog sick[SICK];
        simrun_start(&sim[i], ARGS("--entries", "300", "--fault", rows[i].fault));
        sick_logs(&sim[i], rows[i].protocol, sick);
        rig_start(&rig[i], CTLOG_RFC6962, 0, ARGS("--entries", "600"));
        run(&rig[i], sick);
    }
    for (size_t i = 0; i < countof(rows); i++) {
        if (!wait_verified(&rig[i], 0, 600))
            fail_msg("%s: stands at %" PRIu64, rows[i].fault, position(&rig[i], 0, false));
        if (!wait_asked(&sim[i], rows[i].asked))
            fail_msg("%s: nobody asked for it", rows[i].fault);
    }
    for (size_t i = 0; i < countof(rows); i++)
        pipe_stop(rig[i].pipe);
    for (size_t i = 0; i < countof(rows); i++) {
        simrun_stop(&sim[i]);
        rig_end(&rig[i]);
    }
    free(sim);
    free(rig);
}

/* All are well and read; then all but one stop answering, with more to read everywhere. */
static void test_sick_later(void **state)
{
    (void)state;
    struct simrun sim;
    struct ctlog sick[SICK];
    struct rig rig;
    simrun_start(&sim, ARGS("--entries", "10"));
    sick_logs(&sim, CTLOG_RFC6962, sick);
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "300"));
    run(&rig, sick);
    assert_true(wait_verified(&rig, 0, 300));
    for (size_t i = 0; i < SICK; i++) {
        struct rig view = {.world = rig.world, .log = {sick[i]}};
        assert_true(wait_verified(&view, 0, 10));
    }
    simrun_do(&sim, "{\"fault\": \"slow:90000@get-entries\"}");
    simrun_do(&sim, "{\"append\": 300}");
    clock_sleep_ms(500);
    simrun_do(&rig.sim, "{\"append\": 600}");
    if (!wait_verified(&rig, 0, 900))
        fail_msg("stands at %" PRIu64, position(&rig, 0, false));
    /* When they are well again they are read on. */
    simrun_do(&sim, "{\"clear\": \"all\"}");
    struct rig view = {.world = rig.world, .log = {sick[SICK - 1]}};
    assert_true(wait_verified(&view, 0, 310));
    simrun_stop(&sim);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sick_from_the_start),
        cmocka_unit_test(test_sick_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
