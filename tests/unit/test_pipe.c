/* The whole pipeline against the log simulator, over a store in memory: both protocols, all faults of the
 * wire, of the log and of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/dns.h"
#include "base/say.h"
#include "ingest/pipe.h"
#include "tests/fixture/fakestore.h"
#include "tests/fixture/simrun.h"
#include "verify/merkle.h"

#define WAIT_MS 60000

struct rig {
    struct simrun sim;
    struct fakestore_world *world;
    struct pipe_options options;
    struct ctlog log[2];
    size_t log_count;
    struct pipe *pipe;
    struct pipe_result result;
    atomic_uint told_commits;
    atomic_uint told_healed;
};

static void told(void *arg, const struct ctlog *log, const char *event, uint64_t begin, uint64_t end)
{
    struct rig *rig = arg;
    if (getenv("CTVIGIL_TEST_TALK") != NULL)
        fprintf(stderr, "%s %s [%" PRIu64 ", %" PRIu64 ")\n", log->name, event, begin, end);
    if (strcmp(event, "commit") == 0)
        atomic_fetch_add(&rig->told_commits, 1);
    if (strcmp(event, "healed") == 0)
        atomic_fetch_add(&rig->told_healed, 1);
}

static enum err_code stage(void *arg, struct batch *batch, uint64_t generation, struct err *why)
{
    (void)arg;
    (void)why;
    batch->watch_generation = generation == 0 ? 1 : generation;
    return ERR_OK;
}

#define BOTH      (-1)
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* `protocol`: one of enum ctlog_protocol, or BOTH. */
static void rig_start(struct rig *rig, int protocol, uint64_t begin, const char *const *args)
{
    *rig = (struct rig){.world = fakestore_new()};
    simrun_start(&rig->sim, args);
    if (protocol == BOTH || protocol == CTLOG_RFC6962)
        simrun_log(&rig->sim, CTLOG_RFC6962, 1, &rig->log[rig->log_count++]);
    if (protocol == BOTH || protocol == CTLOG_STATIC_CT)
        simrun_log(&rig->sim, CTLOG_STATIC_CT, 2, &rig->log[rig->log_count++]);
    for (size_t i = 0; i < rig->log_count; i++)
        fakestore_add(rig->world, rig->log[i].id, begin);
    rig->options = (struct pipe_options){.workers = 2,
                                         .poll_ms = 100,
                                         .partial_wait_ms = 300,
                                         .user_agent = "ctvigil-test",
                                         .once = true,
                                         .stage = {stage, rig},
                                         .store_open = fakestore_open,
                                         .store_arg = rig->world,
                                         .told = told,
                                         .told_arg = rig};
}

static void rig_run(struct rig *rig)
{
    struct err why = {.code = ERR_OK};
    enum err_code code = pipe_start(&rig->options, rig->log, rig->log_count, &rig->pipe, &why);
    if (code != ERR_OK)
        fail_msg("%s", why.text);
    if (!rig->options.once)
        return;
    assert_true(pipe_wait(rig->pipe, WAIT_MS, &rig->result));
    pipe_free(rig->pipe);
    rig->pipe = NULL;
}

static void rig_stop(struct rig *rig)
{
    pipe_free(rig->pipe);
    rig->pipe = NULL;
}

static void rig_end(struct rig *rig)
{
    pipe_free(rig->pipe);
    simrun_stop(&rig->sim);
    fakestore_free(rig->world);
}

static struct fakestore_log *rig_log(struct rig *rig, size_t at)
{
    return fakestore_log(rig->world, rig->log[at].id);
}

static uint64_t position(struct rig *rig, size_t at, bool verified)
{
    thread_lock(&rig->world->lock);
    const struct fakestore_log *log = rig_log(rig, at);
    uint64_t value = verified ? log->range.verified : log->range.next;
    thread_unlock(&rig->world->lock);
    return value;
}

static bool wait_verified(struct rig *rig, size_t at, uint64_t size)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    while (position(rig, at, true) < size && clock_mono_ms() < until_ms)
        clock_sleep_ms(20);
    return position(rig, at, true) >= size;
}

/* The rows themselves give the root of the largest verified head: nothing lost, doubled or out of order. */
static void assert_rows(struct rig *rig, size_t at, uint64_t size)
{
    const struct fakestore_log *log = rig_log(rig, at);
    struct compact compact = {.size = 0};
    uint8_t root[32];
    bool found = false;
    assert_int_equal(log->range.next, size);
    assert_int_equal(log->range.verified, size);
    for (uint64_t i = 0; i < size; i++)
        merkle_append(&compact, log->row[i].leaf_hash);
    merkle_root(&compact, root);
    for (size_t i = 0; i < log->head_count; i++)
        found = found || (log->head[i].size == size && memcmp(log->head[i].root, root, 32) == 0);
    assert_true(found);
    assert_memory_equal(&compact.hash, &log->range.frontier.hash, 32 * compact_count(&compact));
    assert_int_equal(log->range.frontier.size, size);
}

static void assert_fine(struct rig *rig, uint64_t size)
{
    assert_false(rig->result.unverified);
    assert_false(rig->result.unread);
    for (size_t i = 0; i < rig->log_count; i++) {
        assert_rows(rig, i, size);
        assert_int_equal(rig_log(rig, i)->mismatches, 0);
        assert_int_equal(rig_log(rig, i)->forks, 0);
    }
}

/* Everything that must end with all entries stored, verified and nobody accused. */
static const struct {
    const char *name;
    uint64_t size;
    const char *args[8];
} fine_cases[] = {
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
    {"a flipped bit that heals", 900, {"--entries", "900", "--fault", "flip:450:1@get-entries"}},
    {"a flipped bit in a tile that heals", 900, {"--entries", "900", "--fault", "flip:450:1@tile-data"}},
};

static void test_fine(void **state)
{
    (void)state;
    const char *only = getenv("CTVIGIL_TEST_ONLY");
    for (size_t i = 0; i < countof(fine_cases); i++) {
        if (only != NULL && strcmp(only, fine_cases[i].name) != 0)
            continue;
        int64_t start_ms = clock_mono_ms();
        struct rig rig;
        rig_start(&rig, BOTH, 0, fine_cases[i].args);
        rig_run(&rig);
        print_message("  %s: %" PRId64 " ms, %u commits\n", fine_cases[i].name, clock_mono_ms() - start_ms,
                      atomic_load(&rig.told_commits));
        assert_fine(&rig, fine_cases[i].size);
        rig_end(&rig);
    }
}

/* Mismatches
 * ---------------------------------------------------------------------------------------------------- */

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

static void test_unreadable(void **state)
{
    static const char *const faults[] = {"5xx:1:500@get-entries", "endless@get-entries",
                                         "bomb:600@get-entries", "truncate:1@get-entries"};
    (void)state;
    for (size_t i = 0; i < countof(faults); i++) {
        struct rig rig;
        rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "4", "--fault", faults[i]));
        rig_run(&rig);
        assert_true(rig.result.unread);
        assert_int_equal(rig_log(&rig, 0)->range.next, 0);
        assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
        assert_true(rig_log(&rig, 0)->note[0] != '\0');
        rig_end(&rig);
    }
}

/* One log that is gone does not touch the other. */
static void test_other_unaffected(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "600", "--fault", "5xx:1:500@checkpoint"));
    rig_run(&rig);
    assert_true(rig.result.unread);
    assert_rows(&rig, 0, 600);
    assert_int_equal(rig_log(&rig, 1)->range.next, 0);
    rig_end(&rig);
}

/* The store
 * ------------------------------------------------------------------------------------------------------ */

static void test_store_faults(void **state)
{
    static const enum fakestore_fault faults[] = {FAKESTORE_DOWN, FAKESTORE_DOWN_PERSISTED,
                                                  FAKESTORE_CONFLICT, FAKESTORE_REFUSED};
    (void)state;
    for (size_t i = 0; i < countof(faults); i++) {
        for (unsigned from = 0; from < 3; from++) {
            struct rig rig;
            rig_start(&rig, BOTH, 0, ARGS("--entries", "1500", "--page", "64"));
            rig.options.window = 4;
            rig.world->fault = faults[i];
            rig.world->fault_from = from;
            rig.world->fault_count = 1;
            rig_run(&rig);
            assert_fine(&rig, 1500);
            rig_end(&rig);
        }
    }
}

static void test_rematch(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "600"));
    rig.world->generation = 7;
    rig_run(&rig);
    assert_fine(&rig, 600);
    assert_true(rig_log(&rig, 0)->rematched > 0);
    rig_end(&rig);
}

/* Somebody else has the range: it is left alone, and taken once it is free. */
static void test_taken_elsewhere(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "200"));
    rig.options.once = false;
    rig_log(&rig, 0)->taken_elsewhere = true;
    rig_run(&rig);
    clock_sleep_ms(1000);
    assert_int_equal(position(&rig, 0, false), 0);
    thread_lock(&rig.world->lock);
    rig_log(&rig, 0)->taken_elsewhere = false;
    thread_unlock(&rig.world->lock);
    assert_true(wait_verified(&rig, 0, 200));
    rig_stop(&rig);
    assert_rows(&rig, 0, 200);
    rig_end(&rig);
}

/* Position and life
 * -------------------------------------------------------------------------------------------- */

/* A log joined late: the frontier comes from the log and is proven by the first signed head. */
static void test_late_start(void **state)
{
    static const uint64_t begins[] = {1, 255, 256, 300, 512, 777, 899};
    (void)state;
    for (size_t i = 0; i < countof(begins); i++) {
        struct rig rig;
        rig_start(&rig, BOTH, begins[i], ARGS("--entries", "900"));
        rig_run(&rig);
        assert_false(rig.result.unverified);
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(rig_log(&rig, k)->range.next, 900);
            assert_int_equal(rig_log(&rig, k)->range.verified, 900);
            assert_int_equal(rig_log(&rig, k)->frontiers, 1);
        }
        rig_end(&rig);
    }
}

/* A log that gives no proofs is read all the same, and nothing is called verified. */
static void test_late_start_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 300, ARGS("--entries", "900", "--fault", "5xx:1:500@get-entry-and-proof"));
    rig_run(&rig);
    assert_true(rig.result.unverified);
    assert_int_equal(rig_log(&rig, 0)->range.next, 900);
    assert_int_equal(rig_log(&rig, 0)->range.verified, 300);
    assert_int_equal(rig_log(&rig, 0)->mismatches, 0);
    rig_end(&rig);
}

/* Stopped in the middle and started again, many times: as if it had never been stopped. */
static void test_restarts(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "8000", "--page", "64", "--fault", "slow:5"));
    rig.options.once = false;
    for (unsigned i = 0; i < 6; i++) {
        rig_run(&rig);
        clock_sleep_ms(60 + 37 * i);
        pipe_stop(rig.pipe);
        assert_true(pipe_wait(rig.pipe, WAIT_MS, NULL));
        rig_stop(&rig);
    }
    simrun_do(&rig.sim, "{\"clear\": \"all\"}");
    rig.options.once = true;
    rig_run(&rig);
    assert_fine(&rig, 8000);
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

static unsigned requests(struct rig *rig, const char *kind)
{
    json_t *state = simrun_control(&rig->sim, NULL);
    unsigned count = (unsigned)json_integer_value(json_object_get(json_object_get(state, "requests"), kind));
    json_decref(state);
    return count;
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
        int64_t until_ms = clock_mono_ms() + WAIT_MS;
        while (position(&rig, 0, false) < 512 && clock_mono_ms() < until_ms)
            clock_sleep_ms(20);
        clock_sleep_ms(1000);
        assert_int_equal(position(&rig, 0, false), 512);
        simrun_do(&rig.sim, "{\"append\": 100}");
        assert_true(wait_verified(&rig, 0, 700));
        while (position(&rig, 0, false) < 768 && clock_mono_ms() < until_ms)
            clock_sleep_ms(20);
        assert_int_equal(position(&rig, 0, false), 768);
        rig_end(&rig);
    }
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

static void test_remove(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, BOTH, 0, ARGS("--entries", "300"));
    rig.options.once = false;
    rig_run(&rig);
    assert_true(wait_verified(&rig, 0, 300) && wait_verified(&rig, 1, 300));
    pipe_remove(rig.pipe, rig.log[1].id);
    clock_sleep_ms(300);
    simrun_do(&rig.sim, "{\"append\": 300}");
    assert_true(wait_verified(&rig, 0, 600));
    assert_int_equal(position(&rig, 1, false), 300);
    assert_int_equal(pipe_add(rig.pipe, &rig.log[1], NULL), ERR_OK);
    assert_int_equal(pipe_add(rig.pipe, &rig.log[1], NULL), ERR_EXISTS);
    assert_true(wait_verified(&rig, 1, 600));
    rig_stop(&rig);
    rig_end(&rig);
}

static void test_gone(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, CTLOG_RFC6962, 0, ARGS("--entries", "10"));
    simrun_stop(&rig.sim);
    rig_run(&rig);
    assert_true(rig.result.unread);
    assert_non_null(strstr(rig_log(&rig, 0)->note, "127.0.0.1"));
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    if (simrun_path() == NULL) {
        fprintf(stderr, "SKIP: ctvigil-logsim is not built\n");
        return 77;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    say_setup(getenv("CTVIGIL_TEST_TALK") != NULL ? SAY_DEBUG : SAY_ERROR, false);
    must(dns_psl_load(SPAN_NONE, NULL) == ERR_OK);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fine),
        cmocka_unit_test(test_accused),
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_healed),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_bad_signature),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_other_unaffected),
        cmocka_unit_test(test_store_faults),
        cmocka_unit_test(test_rematch),
        cmocka_unit_test(test_taken_elsewhere),
        cmocka_unit_test(test_late_start),
        cmocka_unit_test(test_late_start_refused),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_polite),
        cmocka_unit_test(test_no_partial),
        cmocka_unit_test(test_small_pool),
        cmocka_unit_test(test_small_batches),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
