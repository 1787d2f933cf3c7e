/* Logs that contradict themselves, and logs that only seemed to. */
#include "tests/fixture/piperig.h"

static void test_accused(void **state)
{
    static const struct {
        int protocol;
        const char *fault;
        bool next_moves;
    } cases[] = {
        {CTLOG_RFC6962, "flip:450:0", true},
        {CTLOG_STATIC_CT, "flip:450:0", true},
        {CTLOG_RFC6962, "fork:same", true},
        {CTLOG_STATIC_CT, "fork:same", true},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct rig rig;
        rig_start(&rig, cases[i].protocol, 0, ARGS("--entries", "900", "--fault", cases[i].fault));
        rig_run(&rig);
        const struct fakestore_log *log = rig_log(&rig, 0);
        assert_true(rig.result.unverified);
        assert_int_equal(log->range.next, 900);
        assert_int_equal(log->range.verified, 0);
        assert_int_equal(log->mismatches, 1);
        assert_int_equal(log->repaired, 0);
        assert_non_null(strstr(log->account, "\"kind\":\"root_mismatch\""));
        assert_non_null(strstr(log->account, "raw_base64"));
        rig_end(&rig);
    }
}

/* A short suspect stretch is kept byte by byte, and the account is written to disk as well. */
static void test_evidence(void **state)
{
    (void)state;
    char dir[] = "/tmp/ctvigil-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "40", "--fault", "flip:7:0"));
    rig.options.evidence_dir = dir;
    rig_run(&rig);
    char path[256];
    snprintf(path, sizeof(path), "%s/log-1-root_mismatch-0-40.json", dir);
    json_t *account = json_load_file(path, 0, NULL);
    assert_non_null(account);
    assert_int_equal(json_array_size(json_object_get(account, "entries")), 40);
    assert_non_null(json_object_get(json_object_get(account, "head"), "raw_base64"));
    assert_non_null(json_object_get(json_object_get(account, "computed"), "root"));
    json_decref(account);
    unlink(path);
    rmdir(dir);
    rig_end(&rig);
}

static void test_healed(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "900", "--fault", "flip:450:1"));
    rig_run(&rig);
    assert_fine(&rig, 900);
    assert_int_equal(rig_log(&rig, 0)->repaired, 1);
    assert_int_equal(atomic_load(&rig.told_healed), 1);
    rig_end(&rig);
}

/* Two signed heads of one size: evidence of its own kind, whatever the entries say. */
static void test_fork(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300));
    simrun_do(&rig.sim, "{\"fault\": \"fork:same\"}");
    int64_t until_ms = clock_mono_ms() + 10000;
    unsigned forks = 0;
    while (forks == 0 && clock_mono_ms() < until_ms) {
        clock_sleep_ms(50);
        thread_lock(&rig.world->lock);
        forks = rig_log(&rig, 0)->forks;
        thread_unlock(&rig.world->lock);
    }
    assert_int_equal(forks, 1);
    assert_int_equal(position(&rig, 0, true), 300);
    /* It goes on: honest heads are verified again. */
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    simrun_do(&rig.sim, "{\"append\": 100}");
    assert_true(wait_verified(&rig, 0, 400));
    rig_stop(&rig);
    assert_rows(&rig, 0, 400);
    rig_end(&rig);
}

static void test_bad_signature(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "300", "--fault", "badsig"));
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(rig_log(&rig, 0)->head_count, 0);
    assert_int_equal(rig_log(&rig, 0)->range.next, 0);
    assert_true(rig_log(&rig, 0)->note[0] != '\0');
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accused), cmocka_unit_test(test_evidence),      cmocka_unit_test(test_healed),
        cmocka_unit_test(test_fork),    cmocka_unit_test(test_bad_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
