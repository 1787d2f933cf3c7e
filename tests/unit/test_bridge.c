/* A log that is read at its head and behind it: cut, read, joined, and verified as if it had never been cut.
 */
#include "tests/fixture/piperig.h"

#define SPLIT 300

/* Follows a log that has a backlog from the start. */
static void start(struct rig *rig, int protocol, uint64_t begin, const char *const *args)
{
    rig_start(rig, protocol, begin, args);
    rig->options.once = false;
    rig->options.split_entries = SPLIT;
}

static size_t ranges_of(struct rig *rig, size_t at)
{
    thread_lock(&rig->world->lock);
    size_t count = rig_log(rig, at)->upper_count + 1;
    thread_unlock(&rig->world->lock);
    return count;
}

/* The whole of the log is one range, verified. */
static void wait_whole(struct rig *rig, size_t at, uint64_t size)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    while ((ranges_of(rig, at) != 1 || position(rig, at, true) < size) && clock_mono_ms() < until_ms)
        clock_sleep_ms(20);
    assert_int_equal(ranges_of(rig, at), 1);
    assert_int_equal(position(rig, at, true), size);
}

static void test_cut_and_joined(void **state)
{
    static const uint64_t sizes[] = {1500, 1536, 5000};
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) {
        char entries[16];
        struct rig rig;
        snprintf(entries, sizeof(entries), "%" PRIu64, sizes[i]);
        start(&rig, BOTH, 0, ARGS("--entries", entries, "--page", "64"));
        rig_run(&rig);
        for (size_t k = 0; k < 2; k++)
            wait_whole(&rig, k, sizes[i]);
        simrun_do(&rig.sim, "{\"append\": 30}");
        for (size_t k = 0; k < 2; k++)
            assert_true(wait_verified(&rig, k, sizes[i] + 30));
        rig_stop(&rig);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(rig_log(&rig, k)->splits, 1);
            assert_int_equal(rig_log(&rig, k)->joins, 1);
        }
        assert_fine(&rig, sizes[i] + 30);
        rig_end(&rig);
    }
}

/* Entries of the head are stored while the backlog still is read. */
static void test_head_first(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, CTLOG_RFC6962, 0,
          ARGS("--entries", "6000", "--page", "16", "--fault", "slow:60@get-entries"));
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    bool seen = false;
    while (!seen && clock_mono_ms() < until_ms) {
        clock_sleep_ms(10);
        thread_lock(&rig.world->lock);
        const struct fakestore_log *log = rig_log(&rig, 0);
        seen = log->upper_count == 1 && log->upper[0].verified == 6000;
        if (seen)
            assert_true(log->range.next < log->range.end);
        thread_unlock(&rig.world->lock);
    }
    assert_true(seen);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    wait_whole(&rig, 0, 6000);
    rig_stop(&rig);
    assert_fine(&rig, 6000);
    rig_end(&rig);
}

/* Left with a cut log, another run (with `once`, which cuts nothing) reads all of it and joins. */
static void test_once_joins(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, BOTH, 0, ARGS("--entries", "5000", "--page", "64", "--fault", "slow:20"));
    for (unsigned i = 0; i < 4; i++) {
        rig_run(&rig);
        clock_sleep_ms(100 + 60 * i);
        rig_stop(&rig);
    }
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    assert_true(rig_log(&rig, 0)->splits > 0);
    rig.options.once = true;
    rig_run(&rig);
    assert_fine(&rig, 5000);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(rig_log(&rig, k)->upper_count, 0);
        assert_int_equal(rig_log(&rig, k)->joins, rig_log(&rig, k)->splits);
    }
    rig_end(&rig);
}

static void steal(struct fakestore_log *log)
{
    log->taken_id = log->upper[0].id;
}

/* Between the cut and the taking of the new range somebody else was there: what is below is read all the
 * same, and the border moves up to where he has not begun. */
static void test_taken_between(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "1500"));
    rig_log(&rig, 0)->splitting = steal;
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    bool joined = false;
    while (!joined && clock_mono_ms() < until_ms) {
        clock_sleep_ms(20);
        thread_lock(&rig.world->lock);
        joined = rig_log(&rig, 0)->joins == 1;
        if (joined) {
            assert_int_equal(rig_log(&rig, 0)->range.next, 1280);
            assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
            rig_log(&rig, 0)->taken_id = 0;
        }
        thread_unlock(&rig.world->lock);
    }
    assert_true(joined);
    wait_whole(&rig, 0, 1500);
    rig_stop(&rig);
    assert_fine(&rig, 1500);
    rig_end(&rig);
}

/* A wrong bit in the backlog is found where the ranges meet, although no signed head lies below that. */
static void test_flip_stays(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, BOTH, 0, ARGS("--entries", "1500", "--fault", "flip:700:0"));
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    unsigned told = 0;
    bool heads = false;
    while ((told < 2 || !heads) && clock_mono_ms() < until_ms) {
        clock_sleep_ms(20);
        thread_lock(&rig.world->lock);
        told = rig_log(&rig, 0)->mismatches + rig_log(&rig, 1)->mismatches;
        heads = rig_log(&rig, 0)->upper[0].verified == 1500 && rig_log(&rig, 1)->upper[0].verified == 1500;
        thread_unlock(&rig.world->lock);
    }
    assert_int_equal(told, 2);
    assert_true(heads);
    for (size_t k = 0; k < 2; k++)
        assert_int_equal(position(&rig, k, true), 0);
    rig_stop(&rig);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(rig_log(&rig, k)->upper_count, 1);
        assert_non_null(strstr(rig_log(&rig, k)->account, "that the log proves for size 1280"));
    }
    rig.options.once = true;
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_false(rig.result.unread);
    /* The log mends its ways. */
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig.result = (struct pipe_result){.entries = 0};
    rig_run(&rig);
    assert_false(rig.result.unverified);
    for (size_t k = 0; k < 2; k++)
        assert_rows(&rig, k, 1500);
    rig_end(&rig);
}

static void test_flip_heals(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, BOTH, 0, ARGS("--entries", "1500", "--fault", "flip:700:1"));
    rig_run(&rig);
    for (size_t k = 0; k < 2; k++)
        wait_whole(&rig, k, 1500);
    rig_stop(&rig);
    assert_fine(&rig, 1500);
    rig_end(&rig);
}

/* The log proves nothing: what the backlog gave is what a signed head above it is equalled with. */
static void test_no_proofs(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "1500", "--fault", "5xx:1:404@get-entry-and-proof"));
    rig_run(&rig);
    wait_whole(&rig, 0, 1500);
    rig_stop(&rig);
    assert_true(rig_log(&rig, 0)->lent > 0);
    assert_fine(&rig, 1500);
    rig_end(&rig);
}

/* It proves nothing and a bit of the backlog is wrong: nothing is verified, and it is told in the end. */
static void test_no_proofs_and_wrong(void **state)
{
    struct rig rig;
    (void)state;
    start(&rig, CTLOG_RFC6962, 0,
          ARGS("--entries", "1500", "--fault", "5xx:1:404@get-entry-and-proof", "--fault", "flip:700:0"));
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    unsigned told = 0;
    while (told < 1 && clock_mono_ms() < until_ms) {
        clock_sleep_ms(20);
        thread_lock(&rig.world->lock);
        told = rig_log(&rig, 0)->mismatches;
        thread_unlock(&rig.world->lock);
    }
    rig_stop(&rig);
    assert_int_equal(told, 1);
    assert_int_equal(rig_log(&rig, 0)->upper_count, 0);
    assert_int_equal(rig_log(&rig, 0)->range.next, 1500);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig.options.once = true;
    rig_run(&rig);
    assert_false(rig.result.unverified);
    assert_rows(&rig, 0, 1500);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_and_joined),      cmocka_unit_test(test_head_first),
        cmocka_unit_test(test_once_joins),          cmocka_unit_test(test_flip_stays),
        cmocka_unit_test(test_flip_heals),          cmocka_unit_test(test_no_proofs),
        cmocka_unit_test(test_no_proofs_and_wrong), cmocka_unit_test(test_taken_between),
    };
    if (!piperig_ready(argc, argv))
        return 77;
    return cmocka_run_group_tests_name("bridge", tests, NULL, NULL);
}
