#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "ingest/rootlist.h"

struct got {
    char text[256];
    size_t count;
};

static enum err_code collect(void *arg, struct span der, struct err *why)
{
    struct got *got = arg;
    size_t len = strlen(got->text);
    (void)why;
    got->count++;
    if (der.len < 20)
        (void)snprintf(got->text + len, sizeof got->text - len, "%.*s.", (int)der.len, (const char *)der.at);
    return ERR_OK;
}

static void answers(void **state)
{
    static const struct {
        const char *text;
        enum err_code code;
        const char *certs;
        size_t refused;
    } rows[] = {
        {"{\"certificates\":[\"YQ==\",\"YmM=\"]}", ERR_OK, "a.bc.", 0},
        {" { \"certificates\" : [ ] } ", ERR_OK, "", 0},
        {"{\"more\":[{\"certificates\":[\"eA==\"]}],\"certificates\":[\"YQ\\u003d=\"]}\n", ERR_OK, "a.", 0},
        {"{\"certificates\":[\"YQ==\",\"%%\",\"\",\"\xc3\xa4==\",\"Yg==\"]}", ERR_OK, "a.b.", 3},
        {"{\"certificates\":[\"YQ==\",7]}", ERR_FORMAT, "a.", 0},
        {"{\"certificates\":[\"YQ==\"", ERR_FORMAT, "a.", 0},
        {"{\"certificates\":[\"YQ==", ERR_FORMAT, "", 0},
        {"{\"certificates\":[\"YQ==\"]} trailing", ERR_FORMAT, "a.", 0},
        {"{\"certificates\":\"YQ==\"}", ERR_FORMAT, "", 0},
        {"{}", ERR_FORMAT, "", 0},
        {"[\"YQ==\"]", ERR_FORMAT, "", 0},
        {"<html>429</html>", ERR_FORMAT, "", 0},
        {"", ERR_FORMAT, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct got got = {.count = 0};
        struct rootlist list;
        struct err why = {0};
        enum err_code code = rootlist_read(span_str(rows[i].text), collect, &got, &list, &why);
        if (code != rows[i].code || strcmp(got.text, rows[i].certs) != 0 || list.count != got.count ||
            (code == ERR_OK && list.refused != rows[i].refused))
            fail_msg("%s: %s, %zu refused, %s", rows[i].text, got.text, list.refused, why.text);
    }
}

/* As long as a certificate may be, and longer; as many as a log may have, and more. */
static void bounds(void **state)
{
    static const size_t sizes[] = {LIMIT_ISSUER_BYTES - 1, LIMIT_ISSUER_BYTES, LIMIT_ISSUER_BYTES + 1,
                                   10 * (size_t)LIMIT_ISSUER_BYTES};
    (void)state;
    struct buf text;
    struct got got = {.count = 0};
    struct rootlist list;
    struct err why = {0};
    buf_init(&text, 4u << 20);
    buf_str(&text, "{\"certificates\":[");
    for (size_t i = 0; i < countof(sizes); i++) {
        buf_str(&text, i == 0 ? "\"" : ",\"");
        for (size_t k = 0; k < sizes[i] / 3; k++)
            buf_str(&text, "AAAA");
        buf_str(&text, sizes[i] % 3 == 0 ? "" : sizes[i] % 3 == 1 ? "AA==" : "AAA=");
        buf_str(&text, "\"");
    }
    buf_str(&text, "]}");
    assert_true(buf_ok(&text));
    assert_int_equal(rootlist_read(buf_span(&text), collect, &got, &list, &why), ERR_OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.refused, 2);
    buf_clear(&text);
    buf_str(&text, "{\"certificates\":[\"YQ==\"");
    for (size_t i = 0; i < LIMIT_ROOTS; i++)
        buf_str(&text, ",\"YQ==\"");
    buf_str(&text, "]}");
    assert_true(buf_ok(&text));
    assert_int_equal(rootlist_read(buf_span(&text), collect, &got, &list, &why), ERR_OK);
    assert_int_equal(list.count, LIMIT_ROOTS);
    assert_int_equal(list.refused, 1);
    buf_fini(&text);
}

static void where_to_ask(void **state)
{
    struct ctlog log = {.url = "https://mon.example/log"};
    char url[PROTO_URL_MAX];
    (void)state;
    rootlist_url(&log, url);
    assert_string_equal(url, "https://mon.example/log/ct/v1/get-roots");
    (void)snprintf(log.submission_url, sizeof log.submission_url, "https://log.example/log");
    rootlist_url(&log, url);
    assert_string_equal(url, "https://log.example/log/ct/v1/get-roots");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(bounds),
        cmocka_unit_test(where_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
