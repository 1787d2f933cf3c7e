/* Lists as they are published, and what must not cost more than the log it is about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "ingest/loglist.h"
#include "signer.h"
#include "vecfile.h"
#include "verify/digest.h"

/* Base64 of a key and of its hash. */
static char key_text[2][256];
static char id_text[2][64];

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = signer_key("EC", 0, "P-256");
        uint8_t spki[256], id[32];
        struct span der = signer_spki(key, spki, sizeof spki);
        digest_sha256(der, id);
        (void)text_base64(der, key_text[i]);
        (void)text_base64(span_of(id, 32), id_text[i]);
        EVP_PKEY_free(key);
    }
    return 0;
}

/* A list of one operator; `rest` are the members of its log beside log_id and key, and `more` further logs.
 */
static void list_text(struct buf *out, const char *array, const char *rest, const char *more)
{
    buf_init(out, 8u << 20);
    buf_fmt(out,
            "{\"version\":\"1.2\",\"log_list_timestamp\":\"2026-11-01T00:00:00Z\",\"operators\":[{\"name\":"
            "\"Op\",\"%s\":[{\"log_id\":\"%s\",\"key\":\"%s\"%s}%s]}]}",
            array, id_text[0], key_text[0], rest, more);
    assert_true(buf_ok(out));
}

static struct loglist *parse(const char *array, const char *rest, const char *more)
{
    struct loglist *list = NULL;
    struct err why = {0};
    struct buf text;
    list_text(&text, array, rest, more);
    if (loglist_parse(buf_span(&text), &list, &why) != ERR_OK)
        fail_msg("%s", why.text);
    buf_fini(&text);
    return list;
}

#define URL   ",\"url\":\"https://ct.op.net/a/\""
#define TILED ",\"monitoring_url\":\"https://mon.op.net/a/\",\"submission_url\":\"https://log.op.net/a/\""

static void everything_of_a_log(void **state)
{
    char other[1024];
    (void)state;
    (void)snprintf(other, sizeof other, ",{\"log_id\":\"%s\",\"key\":\"%s\"" URL "}", id_text[1],
                   key_text[1]);
    struct loglist *list = parse(
        "tiled_logs",
        TILED ",\"description\":\"Op 'Big2027h1' log\",\"mmd\":60,\"log_type\":\"prod\","
              "\"state\":{\"readonly\":{\"timestamp\":\"2026-10-01T00:00:00Z\",\"final_tree_head\":{"
              "\"sha256_root_hash\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"tree_size\":77}}},"
              "\"temporal_interval\":{\"start_inclusive\":\"2027-01-01T00:00:00Z\",\"end_exclusive\":"
              "\"2027-07-01T00:00:00Z\"},\"previous_operators\":[{\"name\":\"Was\",\"end_time\":"
              "\"2025-01-01T00:00:00Z\"},{\"end_time\":7}]",
        other);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->refused, 0);
    assert_string_equal(list->version, "1.2");
    assert_int_equal(list->timestamp_ms, INT64_C(1793491200000));
    assert_false(list->all_logs);
    const struct listed *log = &list->logs[0];
    assert_int_equal(log->log.protocol, CTLOG_STATIC_CT);
    assert_string_equal(log->log.url, "https://mon.op.net/a");
    assert_string_equal(log->log.submission_url, "https://log.op.net/a");
    assert_string_equal(log->log.origin, "log.op.net/a");
    assert_string_equal(log->log.name, "big2027h1");
    assert_string_equal(log->operator_name, "Op");
    assert_string_equal(log->description, "Op 'Big2027h1' log");
    assert_int_equal(log->mmd_s, 60);
    assert_int_equal(log->state, LISTED_READONLY);
    assert_int_equal(log->state_ms, INT64_C(1790812800000));
    assert_true(log->has_final && log->final_size == 77 && log->final_root[31] == 31);
    assert_true(log->has_interval && log->begin_ms < log->end_ms);
    assert_int_equal(log->previous_count, 1);
    assert_string_equal(log->previous[0].name, "Was");
    assert_false(log->test || log->bogus);
    /* The other stands in tiled_logs with `url` alone, as in Chromium's own test input. */
    assert_int_equal(list->logs[1].log.protocol, CTLOG_STATIC_CT);
    assert_string_equal(list->logs[1].log.url, "https://ct.op.net/a");
    loglist_free(list);
}

/* Lenient where the world is wrong. */
static void what_may_be_missing_or_odd(void **state)
{
    static const struct {
        const char *array, *rest, *name;
        enum ctlog_protocol protocol;
        enum listed_state state;
        bool test, bogus;
    } rows[] = {
        {"logs", URL, "ct.op.net-a", CTLOG_RFC6962, LISTED_NONE, false, false},
        {"logs", URL ",\"description\":\"Op Luoshu2027\"", "luoshu2027", CTLOG_RFC6962, LISTED_NONE, false,
         false},
        {"logs", URL ",\"description\":\"Op Log Server 2\"", "log-server-2", CTLOG_RFC6962, LISTED_NONE,
         false, false},
        {"logs", URL ",\"description\":\"Op Yeti2025 Log\"", "yeti2025", CTLOG_RFC6962, LISTED_NONE, false,
         false},
        {"logs", URL ",\"description\":\"'\"", "ct.op.net-a", CTLOG_RFC6962, LISTED_NONE, false, false},
        {"logs", URL ",\"description\":\"\\u0000\\u202e\"", "ct.op.net-a", CTLOG_RFC6962, LISTED_NONE, false,
         false},
        {"logs", URL ",\"description\":7,\"mmd\":\"x\",\"dns\":[],\"state\":[],\"previous_operators\":3",
         "ct.op.net-a", CTLOG_RFC6962, LISTED_NONE, false, false},
        {"logs", URL ",\"state\":{}", "ct.op.net-a", CTLOG_RFC6962, LISTED_NONE, false, false},
        {"logs", URL ",\"state\":{\"usable\":null}", "ct.op.net-a", CTLOG_RFC6962, LISTED_USABLE, false,
         false},
        {"logs", URL ",\"state\":{\"retired\":{},\"usable\":{}}", "ct.op.net-a", CTLOG_RFC6962,
         LISTED_RETIRED, false, false},
        {"logs", URL ",\"state\":{\"from_2030\":{}}", "ct.op.net-a", CTLOG_RFC6962, LISTED_QUALIFIED, false,
         false},
        {"logs", URL ",\"state\":{\"rejected\":{}}", "ct.op.net-a", CTLOG_RFC6962, LISTED_REJECTED, false,
         false},
        {"logs", URL ",\"log_type\":\"test\"", "ct.op.net-a", CTLOG_RFC6962, LISTED_NONE, true, false},
        {"logs", TILED, "mon.op.net-a", CTLOG_STATIC_CT, LISTED_NONE, false, false},
        {"tiled_logs", URL, "ct.op.net-a", CTLOG_STATIC_CT, LISTED_NONE, false, false},
        {"logs", ",\"url\":\"https://ct.example.com/bogus/\"", "ct.example.com-bogus", CTLOG_RFC6962,
         LISTED_NONE, false, true},
        {"logs",
         URL
         ",\"state\":{\"retired\":{}},\"temporal_interval\":{\"start_inclusive\":\"2020-01-01T00:00:00Z\","
         "\"end_exclusive\":\"2020-01-02T00:00:00Z\"}",
         "ct.op.net-a", CTLOG_RFC6962, LISTED_RETIRED, false, true},
        {"logs", ",\"url\":\"http://127.0.0.1:80/x\"", "127.0.0.1-80-x", CTLOG_RFC6962, LISTED_NONE, false,
         false},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct loglist *list = parse(rows[i].array, rows[i].rest, "");
        const struct listed *log = &list->logs[0];
        if (strcmp(log->log.name, rows[i].name) != 0 || log->log.protocol != rows[i].protocol ||
            log->state != rows[i].state || log->test != rows[i].test || log->bogus != rows[i].bogus)
            fail_msg("%s: %s %d %d %d", rows[i].rest, log->log.name, log->state, log->test, log->bogus);
        assert_string_equal(log->refused, "");
        loglist_free(list);
    }
}

static void put_entry(struct buf *out, const char *entry)
{
    for (; *entry != '\0'; entry++) {
        if (*entry != '@' || (entry[1] != 'I' && entry[1] != 'K'))
            buf_byte(out, (uint8_t)*entry);
        else
            buf_str(out, *++entry == 'I' ? id_text[0] : key_text[0]);
    }
}

/* One bad log: named, with the reason, and the good one behind it is there. */
static void one_bad_log_costs_itself(void **state)
{
    static const struct {
        const char *entry; /* @I, @K: id and key of a log */
        const char *reason;
        bool has_id;
    } rows[] = {
        {"7", "no object", false},
        {"null", "no object", false},
        {"[[[[[[[[[[[[]]]]]]]]]]]]", "no object", false},
        {"{}", "no key", false},
        {"{\"key\":\"no base64\"" URL "}", "no key", false},
        {"{\"key\":{},\"log_id\":[]" URL "}", "no key", false},
        {"{\"log_id\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"key\":\"MDEy\"" URL "}", "key",
         true},
        {"{\"log_id\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"key\":\"@K\"" URL "}",
         "hash of its key", true},
        {"{\"log_id\":\"AAEC\",\"key\":\"@K\"" URL "}", "no hash", false},
        {"{\"log_id\":\"@I\",\"key\":\"@K\"}", "no URL", true},
        {"{\"log_id\":\"@I\",\"key\":\"@K\",\"url\":\"http://ct.op.net/\"}", "http://", true},
        {"{\"log_id\":\"@I\",\"key\":\"@K\",\"url\":\"https://u:p@ct.op.net/\"}", "user", true},
        {"{\"log_id\":\"@I\",\"key\":\"@K\",\"url\":\"file:///etc/passwd\"}", "https://", true},
        {"{\"log_id\":\"@I\",\"key\":\"@K\",\"url\":\"https://a/\\u0000b\"}", "no URL", true},
        {"{\"log_id\":\"@I\",\"key\":\"@K\"" URL ",\"temporal_interval\":{\"start_inclusive\":\"2027-01-"
         "01T00:00:00Z\",\"end_exclusive\":\"2026-01-01T00:"
         "00:00Z\"}}",
         "temporal_interval", true},
        {"{\"log_id\":\"@I\",\"key\":\"@K\"" URL ",\"temporal_interval\":7}", "temporal_interval", true},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct loglist *list = NULL;
        struct buf text;
        buf_init(&text, 1u << 20);
        buf_str(&text, "{\"operators\":[7,{\"name\":[]},{\"name\":\"Op\",\"tiled_logs\":{},\"logs\":[");
        put_entry(&text, rows[i].entry);
        buf_fmt(&text, ",{\"log_id\":\"%s\",\"key\":\"%s\"" URL "}]}]}", id_text[1], key_text[1]);
        assert_int_equal(loglist_parse(buf_span(&text), &list, NULL), ERR_OK);
        assert_int_equal(list->count, 2);
        assert_int_equal(list->refused, 1);
        if (strstr(list->logs[0].refused, rows[i].reason) == NULL || list->logs[0].has_id != rows[i].has_id)
            fail_msg("%s: \"%s\" %d", rows[i].entry, list->logs[0].refused, list->logs[0].has_id);
        assert_string_equal(list->logs[1].refused, "");
        loglist_free(list);
        buf_fini(&text);
    }
}

static void the_same_id_twice(void **state)
{
    char again[1024];
    (void)state;
    (void)snprintf(again, sizeof again, ",{\"log_id\":\"%s\",\"key\":\"%s\",\"url\":\"https://evil.net/\"}",
                   id_text[0], key_text[0]);
    struct loglist *list = parse("logs", URL, again);
    assert_int_equal(list->refused, 1);
    assert_string_equal(list->logs[0].refused, "");
    assert_non_null(strstr(list->logs[1].refused, "twice"));
    loglist_free(list);
}

/* Nothing of such a document is used. */
static void what_is_no_list(void **state)
{
    static const char *const rows[] = {
        "",
        "x",
        "[]",
        "7",
        "\"x\"",
        "{",
        "{}",
        "{\"operators\":{}}",
        "{\"operators\":[]}",
        "{\"operators\":[{\"name\":\"x\",\"logs\":[]}]}",
        "{\"operators\":[{\"logs\":[{\"key\":\"\"}]}]}",
        "{\"operators\":[{\"logs\":[]}]}}",
        "\xff\xfe",
    };
    struct loglist *list;
    struct err why = {0};
    struct buf text;

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err one = {0};
        if (loglist_parse(span_str(rows[i]), &list, &one) != ERR_FORMAT || list != NULL ||
            one.text[0] == '\0')
            fail_msg("%s", rows[i]);
    }
    buf_init(&text, 8u << 20);
    for (size_t i = 0; i < 1000000; i++)
        buf_byte(&text, '[');
    assert_int_equal(loglist_parse(buf_span(&text), &list, NULL), ERR_FORMAT);
    while (text.len <= LIMIT_LOGLIST_BYTES)
        buf_byte(&text, ' ');
    assert_int_equal(loglist_parse(buf_span(&text), &list, &why), ERR_TOO_BIG);
    buf_clear(&text);
    buf_str(&text, "{\"operators\":[{\"logs\":[0");
    for (size_t i = 0; i < 100000; i++)
        buf_str(&text, ",0");
    buf_str(&text, "]}]}");
    assert_int_equal(loglist_parse(buf_span(&text), &list, NULL), ERR_TOO_BIG);
    buf_fini(&text);
}

static void versions(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"85.92", "85.92", 0}, {"85.92", "86.1", -1}, {"85.100", "85.92", 1}, {"9.1", "10.0", -1},
        {"3", "3.0", 0},       {"7", "6.9", 1},       {"", "1.0", 0},         {"x", "1.0", 0},
        {"1.0", "1.x", 0},     {"1.0.0", "1.0", 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        int order = loglist_version_cmp(rows[i].a, rows[i].b);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
    }
}

/* The published ones: every log of them, by the counts of an independent reading. */
static void real_lists(void **state)
{
    static const struct {
        const char *file, *version;
        size_t count, refused, tiled, usable, readonly, retired, bogus, test, none;
        bool all;
    } rows[] = {
        {"loglist/log_list_v85.92.json", "85.92", 56, 0, 21, 48, 4, 4, 2, 0, 0, false},
        {"loglist/all_logs_list_v53.34.json", "53.34", 181, 1, 6, 33, 1, 3, 0, 26, 34, true},
        {"loglist/log_list_v93.3_google_2027h1_subset.json", "93.3", 6, 0, 2, 6, 0, 0, 0, 0, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span text = vecfile_load(rows[i].file);
        struct loglist *list;
        struct err why = {0};
        size_t tiled = 0, test = 0, bogus = 0, sycamore = 0;
        size_t states[LISTED_REJECTED + 1] = {0};
        if (text.at == NULL)
            skip();
        if (loglist_parse(text, &list, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_string_equal(list->version, rows[i].version);
        assert_int_equal(list->all_logs, rows[i].all);
        for (size_t k = 0; k < list->count; k++) {
            const struct listed *log = &list->logs[k];
            if (log->refused[0] != '\0' && strstr(log->refused, "http://") == NULL)
                fail_msg("%s: %s", log->description, log->refused);
            assert_true(log->refused[0] != '\0' || log->log.name[0] != '\0');
            tiled += log->log.protocol == CTLOG_STATIC_CT;
            test += log->test;
            bogus += log->bogus;
            states[log->state]++;
            /* No two of the published list are called alike. */
            for (size_t j = 0; j < k && !list->all_logs && !log->bogus; j++)
                assert_string_not_equal(list->logs[j].log.name, log->log.name);
            sycamore += strcmp(log->log.name, "sycamore2026h2") == 0;
            if (strcmp(log->log.name, "sabre2026h2") == 0 && strcmp(rows[i].version, "85.92") == 0)
                assert_int_equal(log->final_size, 68732791);
        }
        assert_int_equal(list->count, rows[i].count);
        assert_int_equal(list->refused, rows[i].refused);
        assert_int_equal(tiled, rows[i].tiled);
        assert_int_equal(states[LISTED_USABLE], rows[i].usable);
        assert_int_equal(states[LISTED_READONLY], rows[i].readonly);
        assert_int_equal(states[LISTED_RETIRED], rows[i].retired);
        assert_int_equal(states[LISTED_NONE], rows[i].none);
        assert_int_equal(bogus, rows[i].bogus);
        assert_int_equal(sycamore, strcmp(rows[i].version, "85.92") == 0);
        assert_int_equal(test, rows[i].test);
        loglist_free(list);
        vecfile_free(text);
    }
}

/* Keys were stripped: nothing of it can be used, and it says so for each log. */
static void the_list_without_keys(void **state)
{
    struct span text = vecfile_load("loglist/log_list_v89.34_nokeys.json");
    struct loglist *list;
    (void)state;
    if (text.at == NULL)
        skip();
    assert_int_equal(loglist_parse(text, &list, NULL), ERR_FORMAT);
    vecfile_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_of_a_log),
        cmocka_unit_test(what_may_be_missing_or_odd),
        cmocka_unit_test(one_bad_log_costs_itself),
        cmocka_unit_test(the_same_id_twice),
        cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(versions),
        cmocka_unit_test(real_lists),
        cmocka_unit_test(the_list_without_keys),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
