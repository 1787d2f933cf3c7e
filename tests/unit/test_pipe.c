/* The whole pipeline: both protocols, a growing log, logs that come and go. */
#include "tests/fixture/apart.h"
#include "tests/fixture/piperig.h"

/* Everything that must end with all entries stored, verified and nobody accused. */
struct fine_case {
    const char *name;
    uint64_t size;
    const char *args[8];
};

static struct fine_case fine_cases[] = {
    {"plain", 1000, {"--entries", "1000"}},
    {"one entry", 1, {"--entries", "1"}},
    {"full tiles only", 512, {"--entries", "512"}},
    {"empty log", 0, {"--entries", "0"}},
    {"many", 6000, {"--entries", "6000"}},
    {"pages of 32", 700, {"--entries", "700", "--page", "32"}},
    {"pages of 7", 300, {"--entries", "300", "--fault", "short:7"}},
    {"429 in seconds", 600, {"--entries", "600", "--fault", "429:3:1"}},
    {"429 with a date", 600, {"--entries", "600", "--fault", "429:4:date1"}},
    {"5xx in HTML", 600, {"--entries", "600", "--fault", "5xx:3"}},
    {"truncated bodies", 600, {"--entries", "600", "--fault", "truncate:3"}},
    {"dropped connections", 600, {"--entries", "600", "--fault", "drop:3"}},
    {"wrong content type", 300, {"--entries", "300", "--fault", "type"}},
    {"entries beyond the head", 300, {"--entries", "300", "--fault", "future:10"}},
    {"identity tiles", 700, {"--entries", "700", "--identity"}},
    {"garbage certificate", 301, {"--entries", "300", "--fault", "malformed"}},
    {"extra_data is null", 300, {"--entries", "300", "--fault", "extra:120:null"}},
    {"extra_data is no base64", 300, {"--entries", "300", "--fault", "extra:120"}},
    {"extra_data is junk", 300, {"--entries", "300", "--fault", "extra:120:junk"}},
    {"a flipped bit that heals", 900, {"--entries", "900", "--fault", "flip:450:1@get-entries"}},
    {"a flipped bit in a tile that heals", 900, {"--entries", "900", "--fault", "flip:450:1@tile-data"}},
};

static void test_fine(void **state)
{
    const struct fine_case *row = *state;
    const char *only = getenv("CTVIGIL_TEST_ONLY");
    if (only != NULL && strcmp(only, row->name) != 0)
        return;
    int64_t start_ms = clock_mono_ms();
    struct rig rig;
    rig_start(&rig, BOTH, 0, row->args);
    rig_run(&rig);
    print_message("  %s: %" PRId64 " ms, %u commits\n", row->name, clock_mono_ms() - start_ms,
                  atomic_load(&rig.told_commits));
    assert_fine(&rig, row->size);
    rig_end(&rig);
}

/* A growing log is followed; partial tiles are read when nothing else comes; a stale frontend changes
 * nothing. */
static void test_follow(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300) && wait_verified(&rig, 1, 300));
    simrun_do(&rig.sim, "{\"append\": 10}");
    assert_true(wait_verified(&rig, 0, 310) && wait_verified(&rig, 1, 310));
    simrun_do(&rig.sim, "{\"fault\": \"stale:5\"}");
    simrun_do(&rig.sim, "{\"append\": 500}");
    clock_sleep_ms(500);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    assert_true(wait_verified(&rig, 0, 810) && wait_verified(&rig, 1, 810));
    rig_stop(&rig);
    assert_rows(&rig, 0, 810);
    assert_rows(&rig, 1, 810);
    rig_end(&rig);
}

static bool wait_note(struct rig *rig, size_t which, const char *text)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    bool there = false;
    while (!there && clock_mono_ms() < until_ms) {
        clock_sleep_ms(20);
        thread_lock(&rig->world->lock);
        there = strstr(rig_log(rig, which)->note, text) != NULL;
        thread_unlock(&rig->world->lock);
    }
    return there;
}

/* A valid head with much else in it would be kept as it came: not taken, and the log's note says why. */
static void test_wide_head(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "300", "--fault", "wide:60000"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300) && wait_verified(&rig, 1, 300));
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    simrun_do(&rig.sim, "{\"fault\": \"wide:70000\"}");
    simrun_do(&rig.sim, "{\"append\": 10}");
    assert_true(wait_note(&rig, 0, "the reply is larger than"));
    assert_true(wait_note(&rig, 1, "the reply is larger than"));
    assert_int_equal(position(&rig, 0, true), 300);
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    assert_true(wait_verified(&rig, 0, 310) && wait_verified(&rig, 1, 310));
    rig_stop(&rig);
    assert_rows(&rig, 0, 310);
    assert_rows(&rig, 1, 310);
    rig_end(&rig);
}

static bool wait_dropped(struct rig *rig, size_t which)
{
    int64_t until_ms = clock_mono_ms() + PIPERIG_WAIT_MS;
    bool dropped = false;
    while (!dropped && clock_mono_ms() < until_ms) {
        clock_sleep_ms(20);
        thread_lock(&rig->world->lock);
        dropped = rig_log(rig, which)->drops != 0;
        thread_unlock(&rig->world->lock);
    }
    return dropped;
}

static void test_remove(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300) && wait_verified(&rig, 1, 300));
    pipe_remove(rig.pipe, rig.log[1].id);
    assert_true(wait_dropped(&rig, 1));
    simrun_do(&rig.sim, "{\"append\": 300}");
    assert_true(wait_verified(&rig, 0, 600));
    assert_int_equal(position(&rig, 1, false), 300);
    assert_int_equal(pipe_add(rig.pipe, &rig.log[1], NULL), ERR_OK);
    assert_int_equal(pipe_add(rig.pipe, &rig.log[1], NULL), ERR_EXISTS);
    assert_true(wait_verified(&rig, 1, 600));
    rig_stop(&rig);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (!piperig_ready(argc, argv))
        return 77;
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_wide_head),
        cmocka_unit_test(test_remove),
    };
    struct CMUnitTest tests[countof(fine_cases) + countof(others)] = {{0}};
    for (size_t i = 0; i < countof(fine_cases); i++)
        tests[i] = (struct CMUnitTest){fine_cases[i].name, test_fine, NULL, NULL, &fine_cases[i]};
    memcpy(tests + countof(fine_cases), others, sizeof(others));
    return apart_run(tests, countof(tests));
}
