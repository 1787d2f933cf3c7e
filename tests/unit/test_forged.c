/* Heads whose signature is wrong: told once, by the one who has the range, and over when a good one comes. */
#include "tests/fixture/piperig.h"

static unsigned forged(struct rig *rig)
{
    thread_lock(&rig->world->lock);
    unsigned count = rig_log(rig, 0)->forged;
    thread_unlock(&rig->world->lock);
    return count;
}

static bool wait_forged(struct rig *rig, unsigned count)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    while (forged(rig) != count && clock_mono_ms() < until_ms)
        clock_sleep_ms(20);
    return forged(rig) == count;
}

static void test_told_once(void **state)
{
    static const int protocols[] = {CTLOG_RFC6962, CTLOG_STATIC_CT};
    (void)state;
    for (size_t i = 0; i < countof(protocols); i++) {
        struct rig rig;
        rig_start(&rig, protocols[i], 0, ARGS("--entries", "300"));
        rig.options.once = false;
        rig.options.poll_ms = 50;
        rig_run(&rig);
        assert_true(wait_verified(&rig, 0, 300));
        simrun_do(&rig.sim, "{\"fault\": \"badsig\"}");
        assert_true(wait_forged(&rig, 1));
        /* What such a head says is not read, and not believed. */
        simrun_do(&rig.sim, "{\"append\": 100}");
        clock_sleep_ms(300);
        assert_int_equal(position(&rig, 0, true), 300);
        /* Better, and worse again: that is the same story. */
        simrun_do(&rig.sim, "{\"clear\": \"all\"}");
        assert_true(wait_verified(&rig, 0, 400));
        simrun_do(&rig.sim, "{\"fault\": \"badsig\"}");
        clock_sleep_ms(1500);
        assert_int_equal(forged(&rig), 1);
        rig_stop(&rig);
        assert_rows(&rig, 0, 400);
        assert_int_equal(rig_log(&rig, 0)->forks + rig_log(&rig, 0)->mismatches, 0);
        rig_end(&rig);
    }
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_told_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
