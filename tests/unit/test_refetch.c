/* One entry read again, from the simulator by either protocol: the same bytes, and every way not to get it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/dns.h"
#include "ingest/refetch.h"
#include "tests/fixture/simrun.h"

#define ENTRIES 600

static struct simrun sim;

static struct refetch *open_with(int64_t wait_ms, bool (*stopping)(void))
{
    struct refetch_options options = {.user_agent = "test", .wait_ms = wait_ms, .stopping = stopping};
    struct refetch *refetch = NULL;
    struct err why = {0};
    if (refetch_new(&options, &refetch, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return refetch;
}

static void same_by_every_way(void **state)
{
    static const struct {
        uint64_t index;
        uint64_t log_size; /* as the caller believes */
    } rows[] = {
        {0, ENTRIES},      {255, ENTRIES}, {256, ENTRIES}, {511, ENTRIES}, {512, ENTRIES}, {599, ENTRIES},
        {599, 600},        {0, 0},         {300, 100},     {520, 0},       {520, 512},     {599, 5000},
        {100, UINT32_MAX},
    };
    struct ctlog logs[3];
    struct refetch *refetch = open_with(20000, NULL);
    (void)state;
    simrun_log(&sim, CTLOG_RFC6962, 1, &logs[0]);
    simrun_log(&sim, CTLOG_STATIC_CT, 2, &logs[1]);
    simrun_log(&sim, CTLOG_HYBRID, 3, &logs[2]);
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t sha256[3][32];
        uint8_t leaf[3][32];
        for (size_t k = 0; k < countof(logs); k++) {
            const struct entry *entry = NULL;
            struct err why = {0};
            if (refetch_entry(refetch, &logs[k], rows[i].index, rows[i].log_size, &entry, &why) != ERR_OK)
                fail_msg("row %zu, %s: %s", i, logs[k].name, why.text);
            assert_int_equal(entry->index, rows[i].index);
            memcpy(sha256[k], entry->sighting.sha256, 32);
            memcpy(leaf[k], entry->issuance.tbs_fp, 32);
        }
        assert_memory_equal(sha256[0], sha256[1], 32);
        assert_memory_equal(sha256[0], sha256[2], 32);
        assert_memory_equal(leaf[0], leaf[1], 32);
    }
    refetch_free(refetch);
}

static void what_can_not_be_had(void **state)
{
    static const struct {
        const char *fault;
        enum ctlog_protocol protocol;
        uint64_t index;
        enum err_code code;
        const char *says;
    } rows[] = {
        {NULL, CTLOG_RFC6962, 5000, ERR_HTTP, "400"},
        {NULL, CTLOG_STATIC_CT, 5000, ERR_HTTP, "404"},
        {NULL, CTLOG_ARCHIVE, 5, ERR_UNSUPPORTED, "archive"},
        {"5xx:1:404", CTLOG_RFC6962, 5, ERR_HTTP, "404"},
        {"5xx:1:502", CTLOG_STATIC_CT, 5, ERR_HTTP, "502"},
        {"drop", CTLOG_RFC6962, 5, ERR_NETWORK, ""},
        {"bomb:2048", CTLOG_RFC6962, 5, ERR_TOO_BIG, ""},
        {"truncate", CTLOG_STATIC_CT, 5, ERR_NETWORK, ""},
        {"leaf:5", CTLOG_RFC6962, 5, ERR_FORMAT, ""},
        {"slow:60000", CTLOG_RFC6962, 5, ERR_TIMEOUT, ""},
        {"429:1:3000", CTLOG_RFC6962, 5, ERR_HTTP_BUSY, "left alone"},
    };
    struct refetch *refetch = open_with(3000, NULL);
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        const struct entry *entry = NULL;
        struct err why = {0};
        struct ctlog log;
        char json[64];
        simrun_log(&sim, rows[i].protocol, 1, &log);
        (void)snprintf(json, sizeof json, "{\"fault\":\"%s\"}", rows[i].fault);
        if (rows[i].fault != NULL)
            simrun_do(&sim, json);
        enum err_code code = refetch_entry(refetch, &log, rows[i].index, ENTRIES, &entry, &why);
        simrun_do(&sim, "{\"clear\":\"all\"}");
        if (code != rows[i].code || strstr(why.text, rows[i].says) == NULL)
            fail_msg("row %zu: %d %s", i, code, why.text);
        assert_null(entry);
    }
    refetch_free(refetch);
}

/* Trouble that passes is waited out. */
static void a_second_try(void **state)
{
    static const char *const faults[] = {"{\"fault\":\"drop:2\"}", "{\"fault\":\"5xx:2\"}",
                                         "{\"fault\":\"429:2:1\"}"};
    (void)state;
    for (size_t i = 0; i < countof(faults); i++) {
        struct refetch *refetch = open_with(20000, NULL);
        const struct entry *entry = NULL;
        struct err why = {0};
        struct ctlog log;
        simrun_log(&sim, CTLOG_RFC6962, 1, &log);
        simrun_do(&sim, faults[i]);
        for (uint64_t index = 0; index < 2; index++)
            if (refetch_entry(refetch, &log, index, ENTRIES, &entry, &why) != ERR_OK)
                fail_msg("row %zu: %s", i, why.text);
        simrun_do(&sim, "{\"clear\":\"all\"}");
        refetch_free(refetch);
    }
}

static bool at_once(void)
{
    return true;
}

static void stops_when_told(void **state)
{
    struct refetch *refetch = open_with(20000, at_once);
    const struct entry *entry = NULL;
    struct err why = {0};
    struct ctlog log;
    (void)state;
    simrun_log(&sim, CTLOG_STATIC_CT, 1, &log);
    assert_int_equal(refetch_entry(refetch, &log, 5, ENTRIES, &entry, &why), ERR_CLOSED);
    assert_null(entry);
    refetch_free(refetch);
}

int main(void)
{
    static const char *const args[] = {"--rfc6962", "--static", "--limit", "tiles", "--entries",
                                       "600",       "--seed",   "81",      NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_by_every_way),
        cmocka_unit_test(what_can_not_be_had),
        cmocka_unit_test(a_second_try),
        cmocka_unit_test(stops_when_told),
    };
    if (simrun_path() == NULL) {
        fprintf(stderr, "skipped: the log simulator is not built\n");
        return 77;
    }
    must(dns_psl_load(SPAN_LIT("com\nexample\n"), NULL) == ERR_OK);
    simrun_start(&sim, args);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    simrun_stop(&sim);
    return failed;
}
