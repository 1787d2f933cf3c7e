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
        /* The second reading of tiles names the one that is wrong, where the entries are and not the head. */
        assert_int_equal(log->bad_tiles, cases[i].protocol == CTLOG_STATIC_CT && cases[i].fault[1] == 'l');
        assert_non_null(strstr(log->account, "\"kind\":\"root_mismatch\""));
        assert_non_null(strstr(log->account, "raw_base64"));
        rig_end(&rig);
    }
}

static bool wait_accounts(struct rig *rig, const unsigned *count)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    unsigned now = 0;
    while (now == 0 && clock_mono_ms() < until_ms) {
        clock_sleep_ms(50);
        thread_lock(&rig->world->lock);
        now = *count;
        thread_unlock(&rig->world->lock);
    }
    return now == 1;
}

/* A database that refuses the account (its disk is full) is given another one: nobody would hear of it. */
static void test_account_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "900", "--fault", "flip:450:0"));
    rig.options.once = false;
    rig.world->accounts_refused = 1;
    rig_run(&rig);
    assert_true(wait_accounts(&rig, &rig_log(&rig, 0)->mismatches));
    simrun_do(&rig.sim, "{\"fault\": \"badsig\"}");
    thread_lock(&rig.world->lock);
    rig.world->accounts_refused = 1;
    thread_unlock(&rig.world->lock);
    assert_true(wait_accounts(&rig, &rig_log(&rig, 0)->forged));
    rig_stop(&rig);
    assert_int_equal(rig.world->accounts_refused, 0);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 1);
    assert_int_equal(rig_log(&rig, 0)->range.next, 900);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
    rig_end(&rig);
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
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
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

/* Right bytes and a head that is signed and wrong, in two runs: told once, nothing verified, nothing
 * replaced. The right head of that size shows the fork, and is what is verified. */
static void test_wrong_head_twice(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "400", "--fault", "fork:same"));
    for (int i = 0; i < 2; i++) {
        rig_run(&rig);
        assert_true(rig.result.unverified);
        assert_int_equal(rig_log(&rig, 0)->range.next, 400);
        assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
        assert_int_equal(rig_log(&rig, 0)->forks, 0);
        assert_true(rig_log(&rig, 0)->mismatches > 0);
    }
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig_run(&rig);
    assert_rows(&rig, 0, 400);
    assert_int_equal(rig_log(&rig, 0)->forks, 1);
    assert_int_equal(rig_log(&rig, 0)->repairs, 0);
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
    assert_int_equal(rig_log(&rig, 0)->forged, 1);
    assert_non_null(strstr(rig_log(&rig, 0)->account, "\"kind\":\"bad_signature\""));
    rig_end(&rig);
}

static unsigned repairs(struct rig *rig)
{
    thread_lock(&rig->world->lock);
    unsigned count = rig_log(rig, 0)->repairs;
    thread_unlock(&rig->world->lock);
    return count;
}

static bool wait_position(struct rig *rig, size_t at, uint64_t size)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    while (position(rig, at, false) < size && clock_mono_ms() < until_ms)
        clock_sleep_ms(20);
    return position(rig, at, false) >= size;
}

static void go_silent(void *arg)
{
    struct rig *rig = arg;
    rig->world->repairing = NULL; /* once */
    simrun_do(&rig->sim, "{\"fault\": \"slow:120000@get-entries\"}");
}

static void flip_again(void *arg)
{
    struct rig *rig = arg;
    simrun_do(&rig->sim, "{\"fault\": \"flip:450:0@get-entries\"}");
}

/* A log that brings a mend about and then says nothing: the others of the same settler do not notice, and
 * when its time is over the log itself goes on. */
static void test_mend_holds_nobody(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "900", "--fault", "flip:450:1@get-entries"));
    rig.options.once = false;
    rig.options.settlers = 1;
    rig.options.mend_ms = 6000;
    rig.world->repairing = go_silent;
    rig.world->repairing_arg = &rig;
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    while (repairs(&rig) == 0 && clock_mono_ms() < until_ms)
        clock_sleep_ms(10);
    assert_int_equal(repairs(&rig), 1);
    simrun_do(&rig.sim, "{\"append\": 300}");
    assert_true(wait_verified(&rig, 1, 1200));
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    assert_true(wait_position(&rig, 0, 1200));
    rig_stop(&rig);
    /* Not mended yet, and not accused for being slow once. */
    assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    assert_int_equal(rig_log(&rig, 0)->repaired, 0);
    /* Started again it is mended at once, and only what was wrong is replaced. */
    rig.options.once = true;
    rig_run(&rig);
    assert_fine(&rig, 1200);
    assert_int_equal(rig_log(&rig, 0)->repaired, 1);
    rig_end(&rig);
}

/* Stopped in the middle of a mend: nothing of it stays, and it is made up for. */
static void test_mend_interrupted(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "900", "--fault", "flip:450:1"));
    rig.options.once = false;
    rig.world->repairing = go_silent;
    rig.world->repairing_arg = &rig;
    rig_run(&rig);
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    while (repairs(&rig) == 0 && clock_mono_ms() < until_ms)
        clock_sleep_ms(10);
    rig_stop(&rig);
    assert_int_equal(rig_log(&rig, 0)->range.next, 900);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
    assert_int_equal(rig_log(&rig, 0)->repaired, 0);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig.options.once = true;
    rig_run(&rig);
    assert_fine(&rig, 900);
    assert_int_equal(rig_log(&rig, 0)->repaired, 1);
    rig_end(&rig);
}

/* A store that has to finish something else first: the log is not accused, its rows go on being stored, and
 * whoever does not stay says that it is not verified. */
static void test_mend_later(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "900", "--fault", "flip:450:1"));
    rig.world->repairs_later = 1;
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(rig_log(&rig, 0)->range.next, 900);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    assert_int_equal(rig_log(&rig, 0)->repairs, 0);
    rig_run(&rig);
    assert_fine(&rig, 900);
    assert_int_equal(rig_log(&rig, 0)->repaired, 1);
    rig_end(&rig);
}

static void take_over(void *arg)
{
    struct rig *rig = arg;
    rig->world->repairing = NULL;
    thread_lock(&rig->world->lock);
    struct fakestore_log *log = rig_log(rig, 0);
    log->range.epoch += 2;
    log->row[100].timestamp_ms = 1; /* what only the other one has written */
    thread_unlock(&rig->world->lock);
}

/* Asleep in the middle of a mend, while another process takes the log over: nothing of the mend is written,
 * and it is made anew on what the other has left. */
static void test_mend_taken_over(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "900", "--fault", "flip:450:1"));
    rig.world->repairing = take_over;
    rig.world->repairing_arg = &rig;
    rig_run(&rig);
    assert_fine(&rig, 900);
    assert_int_equal(rig_log(&rig, 0)->repairs, 2);
    assert_int_equal(rig_log(&rig, 0)->repaired, 1);
    assert_int_equal(rig_log(&rig, 0)->row[100].timestamp_ms, 1);
    rig_end(&rig);
}

/* Wrong, right, wrong: what gave the root once is not replaced by what does not, and the log is told of. */
static void test_every_second_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "900", "--fault", "flip:450:1"));
    rig.world->repairing = flip_again;
    rig.world->repairing_arg = &rig;
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(rig_log(&rig, 0)->range.next, 900);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 0);
    assert_int_equal(rig_log(&rig, 0)->repaired, 0);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 1);
    assert_non_null(strstr(rig_log(&rig, 0)->account, "other bytes each time"));
    assert_null(
        strstr(rig_log(&rig, 0)->account, "\"entries_begin")); /* they do not give the root beside them */
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig.world->repairing = NULL;
    rig_run(&rig);
    assert_rows(&rig, 0, 900);
    assert_int_equal(rig_log(&rig, 0)->repaired, 1);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accused),          cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_healed),           cmocka_unit_test(test_fork),
        cmocka_unit_test(test_bad_signature),    cmocka_unit_test(test_mend_holds_nobody),
        cmocka_unit_test(test_mend_interrupted), cmocka_unit_test(test_every_second_time),
        cmocka_unit_test(test_wrong_head_twice), cmocka_unit_test(test_mend_taken_over),
        cmocka_unit_test(test_account_refused),  cmocka_unit_test(test_mend_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
