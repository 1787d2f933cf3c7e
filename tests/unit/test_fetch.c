/* Everything that can go wrong on the wire: it is survived, and where nothing helps it is said. */
#include "tests/fixture/piperig.h"

/* Logs that can not be read are given up and said so, side by side, because giving up takes its time. */
static void test_unreadable(void **state)
{
    enum { GONE = 4, OTHER = 5 };
    static const char *const faults[] = {"5xx:1:500@get-entries",
                                         "endless@get-entries",
                                         "bomb:80@get-entries",
                                         "truncate:1@get-entries",
                                         "type",
                                         "5xx:1:500@checkpoint",
                                         "429:1:86400@get-entries",
                                         "429:1:1"};
    /* What the owner of the log reads: where it stands, and what came. */
    static const char *const notes[] = {"HTTP status 500",  "entry 0: ",
                                        "entry 0: ",        "entr",
                                        "127.0.0.1",        "checkpoint: HTTP status 500",
                                        "entries 0 to 3: ", "HTTP status 429, Retry-After \"1\""};
    struct rig *rig = calloc(countof(faults), sizeof(*rig));
    (void)state;
    assert_non_null(rig);
    for (size_t i = 0; i < countof(faults); i++) {
        rig_start(&rig[i], i == OTHER ? BOTH : CTLOG_RFC6962, 0,
                  ARGS("--entries", "4", "--fault", faults[i]));
        rig[i].options.give_up_ms = 3000;
        rig[i].options.big_bytes = 64 << 20; /* what comes without end is taken to the end of this */
        if (i == GONE)
            simrun_stop(&rig[i].sim);
        assert_int_equal(pipe_start(&rig[i].options, rig[i].log, rig[i].log_count, &rig[i].pipe, NULL),
                         ERR_OK);
    }
    for (size_t i = 0; i < countof(faults); i++) {
        size_t bad = rig[i].log_count - 1;
        assert_true(pipe_wait(rig[i].pipe, 2 * PIPERIG_WAIT_MS, &rig[i].result));
        assert_true(rig[i].result.unread);
        assert_int_equal(rig_log(&rig[i], bad)->range.next, 0);
        assert_int_equal(rig_log(&rig[i], bad)->mismatches, 0);
        const char *note = rig_log(&rig[i], bad)->note;
        if (strstr(note, notes[i]) == NULL)
            fail_msg("%s: %s", faults[i], note);
        /* One log that fails does not touch the other. */
        if (i == OTHER)
            assert_rows(&rig[i], 0, 4);
        rig_end(&rig[i]);
    }
    free(rig);
}

/* A log that lost one entry: everything before it is read, nothing behind it, and it is named. That takes its
 * time, so they are read from the beginning of the program on. */
static const struct {
    enum ctlog_protocol protocol;
    const char *entries;
    const char *fault;
    uint64_t position;
    const char *note;
} refused[] = {
    {CTLOG_RFC6962, "40", "refuse:20", 20, "entry 20: "},
    {CTLOG_STATIC_CT, "600", "refuse:300", 256, "entries 256 to 511: "},
    {CTLOG_RFC6962, "40", "leaf:20", 20, "entry 20 can not be read"},
};
static struct rig refusing[countof(refused)];

static int start_refusing(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(refused); i++) {
        struct rig *rig = &refusing[i];
        rig_start(rig, (int)refused[i].protocol, 0,
                  ARGS("--entries", refused[i].entries, "--fault", refused[i].fault));
        if (pipe_start(&rig->options, rig->log, rig->log_count, &rig->pipe, NULL) != ERR_OK)
            return 1;
    }
    return 0;
}

static void test_one_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(refused); i++) {
        struct rig *rig = &refusing[i];
        assert_true(pipe_wait(rig->pipe, 2 * PIPERIG_WAIT_MS, &rig->result));
        assert_true(rig->result.unread);
        assert_int_equal(rig_log(rig, 0)->range.next, refused[i].position);
        const char *note = rig_log(rig, 0)->note;
        assert_int_equal(strncmp(note, refused[i].note, strlen(refused[i].note)), 0); /* once, and first */
        bool gone = strstr(refused[i].fault, "refuse") != NULL;
        if (gone && strstr(note, "HTTP status 517") == NULL)
            fail_msg("%s", note);
    }
}

static int end_refusing(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(refused); i++)
        rig_end(&refusing[i]);
    return 0;
}

/* Partial tiles that are gone: waited for until the full tile is there, whose first entries are the same. */
static void test_no_partial(void **state)
{
    static const char *const faults[] = {"nopartial:404", "nopartial:403"};
    (void)state;
    for (size_t i = 0; i < countof(faults); i++) {
        struct rig rig;
        rig_start(&rig, CTLOG_STATIC_CT, 0, ARGS("--entries", "700", "--fault", faults[i]));
        rig.options.once = false;
        rig_run(&rig);
        int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
        while (position(&rig, 0, false) < 512 && clock_mono_ms() < until_ms)
            clock_sleep_ms(20);
        clock_sleep_ms(1000);
        assert_int_equal(position(&rig, 0, false), 512);
        simrun_do(&rig.sim, "{\"append\": 100}");
        assert_true(wait_verified(&rig, 0, 700));
        until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
        while (position(&rig, 0, false) < 768 && clock_mono_ms() < until_ms)
            clock_sleep_ms(20);
        assert_int_equal(position(&rig, 0, false), 768);
        rig_end(&rig);
    }
}

/* An unchanged partial tile is not fetched again, and issuers are fetched once, also over a restart. */
static void test_polite(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_STATIC_CT, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300));
    clock_sleep_ms(1000);
    assert_int_equal(requests(&rig, "tile-data"), 2);
    unsigned issuers = requests(&rig, "issuer");
    assert_int_equal(issuers, rig.world->cert_count);
    assert_true(issuers > 0);
    rig_stop(&rig);
    simrun_do(&rig.sim, "{\"append\": 300}");
    rig.options.once = true;
    rig_run(&rig);
    assert_fine(&rig, 600);
    assert_int_equal(requests(&rig, "issuer"), rig.world->cert_count);
    for (uint64_t i = 0; i < 600; i++)
        assert_true(rig_log(&rig, 0)->row[i].known);
    rig_end(&rig);
}

/* With far fewer batches than replies in flight nobody waits for ever. */
static void test_small_pool(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "2000", "--fault", "short:9"));
    rig.options.batches = 3;
    rig.options.window = 8;
    rig_run(&rig);
    assert_fine(&rig, 2000);
    rig_end(&rig);
}

/* Replies larger than a batch: pages are halved, tiles and single entries go into the big arena. */
static void test_small_batches(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "520"));
    rig.options.batch_bytes = 96 << 10;
    rig_run(&rig);
    assert_fine(&rig, 520);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unreadable),    cmocka_unit_test(test_no_partial),
        cmocka_unit_test(test_polite),        cmocka_unit_test(test_small_pool),
        cmocka_unit_test(test_small_batches), cmocka_unit_test(test_one_refused),
    };
    return cmocka_run_group_tests(tests, start_refusing, end_refusing);
}
