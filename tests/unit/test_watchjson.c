/* Policies as JSON: there and back again, and what is refused with its place. */
#include "db/watchjson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char full[] =
    "{\"also\":[\"example.net\"],\"also_exact\":[\"www.example.org\"],\"ips\":[\"192.0.2.0/"
    "24\",\"2001:db8::7\"],"
    "\"emails\":[\"email:example.com\"],\"uris\":[\"uri:td.example\"],\"spkis\":[\"spki:" H "\"],"
    "\"orgs\":[\"org:example "
    "ltd\"],\"exclude\":[\"shop.example.com\"],\"owner\":\"secops\",\"tags\":[\"prod\"],"
    "\"channels\":[\"hook\"],\"severity\":{\"unexpected_ca\":\"critical\"},"
    "\"allow\":[{\"sha256\":\"" H "\",\"label\":\"cert:a.pem\"}],"
    "\"deny\":[{\"sha256\":\"" H "\",\"label\":\"ca:Bad\"}],"
    "\"keys\":{\"mode\":\"enforce\",\"spki\":[{\"sha256\":\"" H "\",\"label\":\"lb\"}],"
    "\"tbs\":[{\"sha256\":\"" H "\",\"label\":\"tbs\"}],\"learn\":{\"days\":30,\"until\":"
    "\"2026-12-01T00:00:00Z\",\"over\":true},\"learned\":[{\"sha256\":\"" H "\",\"label\":\"k\"}]},"
    "\"wildcard\":[\"*.cdn.example.com\"],\"max_days\":100,"
    "\"names\":{\"allow\":[\"www.example.com\"],\"foreign_san\":\"high\"},\"key_types\":[\"ec-p256\"],"
    "\"signatures\":[\"rsa-sha256\"],"
    "\"policy\":[\"dv\",\"ev\"],\"stores\":{\"require\":[\"mozilla\",\"apple\"]},"
    "\"pairing\":{\"final_within\":\"72h\"},"
    "\"lookalike\":\"strict\",\"lookalike_allow\":[\"example.net\"],"
    "\"expiry\":{\"days\":[60,14,0]},\"cadence\":\"off\","
    "\"expect\":[{\"spki\":\"" H "\",\"until\":\"2026-12-01\",\"note\":\"LB\"}]}";

static void there_and_back(void **state)
{
    struct watch *watch = calloc(1, sizeof *watch);
    struct watch *copy = calloc(1, sizeof *copy);
    struct err why = {0};
    char path[WATCHJSON_PATH_MAX];
    struct buf out;
    struct buf again;
    (void)state;
    assert_true(watch != NULL && copy != NULL);
    if (watchjson_read(full, watch, path, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(watch->more_count, 8);
    assert_int_equal(watch->more[2].ip_prefix, 24);
    assert_int_equal(watch->more[3].ip_len, 16);
    assert_int_equal(watch->expect[0].until, 1796169600); /* 2026-12-02 */
    assert_int_equal(watch->types, WATCH_TYPE_DV | WATCH_TYPE_EV);
    assert_int_equal(watch->stores, 5);
    assert_int_equal(watch->pairing, WATCH_PAIRING_ON);
    assert_int_equal(watch->final_within_s, 72 * 3600);
    assert_int_equal(watch->expiry_count, 3);
    assert_int_equal(watch->expiry_days[1], 14);
    assert_int_equal(watch->cadence, WATCH_CADENCE_OFF);
    buf_init(&out, 1u << 16);
    buf_init(&again, 1u << 16);
    watchjson_write(watch, &out);
    assert_string_equal(buf_text(&out), full);
    assert_true(watch_copy(watch, copy));
    watch_free(watch, 1);
    watchjson_write(copy, &again);
    assert_string_equal(buf_text(&again), full);
    watch_free(copy, 1);
    buf_fini(&out);
    buf_fini(&again);
}

static void refused(void **state)
{
    static const struct {
        const char *json;
        const char *path;
        const char *part;
    } rows[] = {
        {"{", "", "no JSON"},
        {"{\"a\":1,\"a\":2}", "", "no JSON"},
        {"[]", "", "keys with values"},
        {"{\"allowed\":[]}", "allowed", "no such key"},
        {"{\"keys\":{\"modus\":1}}", "keys.modus", "no such key"},
        {"{\"keys\":[]}", "keys", "keys with values"},
        {"{\"mode\":\"off\"}", "mode", "no such key"},
        {"{\"keys\":{\"mode\":\"maybe\"}}", "keys.mode", "one of: off advise enforce"},
        {"{\"keys\":{\"spki\":[{\"sha256\":\"00\",\"label\":\"\"}]}}", "keys.spki", "64 hex digits"},
        {"{\"allow\":\"x\"}", "allow", "a list"},
        {"{\"max_days\":0}", "max_days", "days from 1"},
        {"{\"max_days\":\"1.5\"}", "max_days", "days from 1"},
        {"{\"policy\":[\"qv\"]}", "policy", "dv ov iv ev"},
        {"{\"severity\":{\"unexpected_cat\":\"low\"}}", "severity.unexpected_cat", "no such kind"},
        {"{\"severity\":{\"unexpected_ca\":\"grave\"}}", "severity.unexpected_ca", "info low high critical"},
        {"{\"expect\":[{\"spki\":\"" H "\"}]}", "expect.until", "a day"},
        {"{\"expect\":[{\"spki\":\"" H "\",\"until\":\"tomorrow\"}]}", "expect.until", "a day"},
        {"{\"expect\":[{\"spki\":\"1\",\"until\":\"2026-12-01\"}]}", "expect.spki", "64 hex"},
        {"{\"expect\":[{\"key\":\"1\"}]}", "expect.key", "no such key"},
        {"{\"expiry\":\"never\"}", "expiry", "off, or a list"},
        {"{\"expiry\":[]}", "expiry", "off, or a list"},
        {"{\"expiry\":[1,2,3,4,5,6,7,8,9]}", "expiry", "off, or a list"},
        {"{\"expiry\":{\"days\":[-1]}}", "expiry", "from 0 to 3650"},
        {"{\"expiry\":{\"days\":[\"7d\"]}}", "expiry", "from 0 to 3650"},
        {"{\"expiry\":{\"weeks\":[1]}}", "expiry", "one key, days"},
        {"{\"cadence\":\"guess\"}", "cadence", "one of: learn off"},
        {"{\"ips\":[\"192.0.2.0/33\"]}", "ips", "no address"},
        {"{\"emails\":[\"example.com\"]}", "emails", "does not begin with its kind"},
        {"{\"tags\":[1]}", "tags", "texts"},
        {"{\"tags\":[\"\"]}", "tags", "texts"},
        {"{\"owner\":[]}", "owner", "a text"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watch *watch = calloc(1, sizeof *watch);
        struct err why = {0};
        char path[WATCHJSON_PATH_MAX];
        assert_non_null(watch);
        assert_int_equal(watchjson_read(rows[i].json, watch, path, &why), ERR_CONFIG);
        if (strcmp(path, rows[i].path) != 0 || strstr(why.text, rows[i].part) == NULL)
            fail_msg("%s: %s: %s", rows[i].json, path, why.text);
        watch_free(watch, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
