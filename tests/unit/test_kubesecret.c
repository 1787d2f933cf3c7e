/* TLS secrets in manifests: what is handed over, and what is wrong with others. */
#include "cli/kubesecret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static char seen[4096];

static void on_pem(void *arg, struct span pem)
{
    size_t len = strlen(seen);
    (void)arg;
    (void)snprintf(seen + len, sizeof seen - len, "<%.*s>", (int)pem.len, (const char *)pem.at);
}

/* "one" is b25l, "two" is dHdv, "key" is a2V5. */
static const struct {
    const char *text;
    const char *seen;
    const char *why; /* NULL: all of it can be read */
} rows[] = {
    {"kind: Secret\ndata:\n  tls.crt: b25l\n  tls.key: a2V5\n", "<one>", NULL},
    {"data: {tls.key: a2V5, tls.crt: b25l}\nkind: Secret\n", "<one>", NULL},
    {"kind: Secret\nstringData:\n  tls.crt: |\n    one\n", "<one\n>", NULL},
    {"kind: A\n---\nkind: Secret\ndata:\n  tls.crt: b25l\n---\nkind: Secret\ndata:\n  tls.crt: dHdv\n",
     "<one><two>", NULL},
    {"kind: List\nitems:\n- kind: Secret\n  metadata: {a: [1, {b: c}], d: {}}\n  data:\n    x: y\n    "
     "tls.crt: b25l\n"
     "- kind: Secret\n  data: {tls.crt: dHdv}\n",
     "<one><two>", NULL},
    {"kind: Secret\ndata:\n  tls.crt: |\n    b2\n    5l\n", "<one>", NULL},
    {"kind: Secret\nmetadata:\n  tls.crt: b25l\nother:\n  data: tls.crt\n", "", NULL},
    {"kind: Secret\nk: &a [b]\ndata:\n  x: *a\n  tls.crt: b25l\n", "<one>", NULL},
    {"kind: Secret\ndata:\n  ? [tls.crt]\n  : b25l\n  tls.crt: dHdv\n", "<two>", NULL},
    {"{\"kind\":\"Secret\",\"data\":{\"tls.key\":\"a2V5\",\"tls.crt\":\"b25l\"}}", "<one>", NULL},
    {" {\"items\":[{\"data\":{\"tls.crt\":\"b25l\"}},{\"stringData\":{\"tls.crt\":\"two\"}}]}", "<one><two>",
     NULL},
    {"{\"kind\":\"Secret\",\"data\":{\"tls.crt\":7}}", "", NULL},
    {"kind: Secret\ndata:\n  tls.crt: b25l\n---\nkind: Secret\ndata:\n  tls.crt: '!'\n", "<one>",
     "line 7: tls.crt is not base64"},
    {"kind: Secret\ndata:\n  tls.crt: b25l\n  b: [\n", "<one>", "not YAML"},
    {"{\"kind\":\"Secret\",\n\"tls.crt\"", "", "line 2: not JSON"},
    {"{\"kind\":\"Secret\",\"data\":{\"tls.crt\":\"*\"}}", "", "not base64"},
};

static void manifests(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err why = {0};
        seen[0] = '\0';
        enum err_code code = kubesecret_read(span_str(rows[i].text), on_pem, NULL, &why);
        if (strcmp(seen, rows[i].seen) != 0 || (code == ERR_OK) != (rows[i].why == NULL) ||
            (rows[i].why != NULL && strstr(why.text, rows[i].why) == NULL))
            fail_msg("%s: %s: %s", rows[i].text, seen, why.text);
    }
}

/* Bombs and towers end in a sentence, and whatever is cut off hands over no more than was there. */
static void hostile(void **state)
{
    char deep[4096] = "kind: Secret\ntls.crt: ";
    struct err why = {0};
    (void)state;
    memset(deep + strlen(deep), '[', 2000);
    assert_int_equal(kubesecret_read(span_str(deep), on_pem, NULL, &why), ERR_FORMAT);
    assert_non_null(strstr(why.text, "nested too deeply"));
    for (size_t i = 0; i < countof(rows); i++) {
        for (size_t len = 0; len < strlen(rows[i].text); len++) {
            struct err ignored = {0};
            seen[0] = '\0';
            enum err_code code = kubesecret_read(span_of(rows[i].text, len), on_pem, NULL, &ignored);
            assert_true((code == ERR_OK || code == ERR_FORMAT) && strstr(seen, "key") == NULL);
        }
    }
    assert_false(kubesecret_is(SPAN_NONE));
    assert_false(kubesecret_is(SPAN_LIT("kind: ConfigMap")));
    assert_true(kubesecret_is(SPAN_LIT("kind: Secret\ndata: {tls.crt: x}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(manifests), cmocka_unit_test(hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
