/* Policy files: read, written and read again; what is refused, with line and key. */
#include "cli/policyfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/dns.h"
#include "cli/policyyaml.h"
#include "db/watchjson.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char path[] = "/tmp/ctv-policy-XXXXXX";

static enum err_code load(const char *text, struct watch **watches, size_t *count, struct err *why)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    *why = (struct err){0};
    return policyfile_load(NULL, path, watches, count, why);
}

static const char whole[] = "# ours\n"
                            "watch:\n"
                            "  - name: \".Example.com\"   # below as well\n"
                            "    ips: [\"192.0.2.0/24\", \"2001:DB8::/32\"]\n"
                            "    emails: [Bob@example.com, example.org]\n"
                            "    uris: [\"spiffe://TD.example\"]\n"
                            "    spkis: [\"" H "\"]\n"
                            "    orgs: [\"Example   Ltd\"]\n"
                            "    also: [example.net]\n"
                            "    exclude: [shop, customers.example.com]\n"
                            "    owner: \"it's \\\"us\\\"\"\n"
                            "    tags: [prod]\n"
                            "    channels: [stdout]\n"
                            "    allow: [\"spki:" H "\"]\n"
                            "    keys:\n"
                            "      mode: enforce\n"
                            "      spki: [\"" H "\"]\n"
                            "    wildcard: [\"*.cdn\", \"*\"]\n"
                            "    max_days: 100\n"
                            "    names:\n"
                            "      allow: [\"@\", www, \"*.api.example.com\"]\n"
                            "      foreign_san: high\n"
                            "    key_types: [ec-p256, rsa-3072+]\n"
                            "    signatures: [ecdsa-sha384]\n"
                            "    policy: [dv, ov]\n"
                            "    stores: {require: [microsoft, mozilla]}\n"
                            "    pairing: off\n"
                            "    expiry: {days: [3, 0, 14, 3]}\n"
                            "    cadence: off\n"
                            "    severity:\n"
                            "      unexpected_ca: critical\n"
                            "    expect:\n"
                            "      - spki: \"" H "\"\n"
                            "        until: 2026-12-01\n"
                            "        note: new LB\n"
                            "  - {name: www.example.org, exact: true, wildcard: false, allow: []}\n"
                            "  - name: email:ops@example.edu\n"
                            "    wildcard: true\n";

static void words(const struct watch_words *list, const char *expected)
{
    char text[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < list->count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ", list->at[i]);
    assert_string_equal(text, expected);
}

static void everything(void **state)
{
    struct watch *watches;
    struct err why;
    size_t count;
    (void)state;
    if (load(whole, &watches, &count, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(count, 3);
    const struct watch *first = &watches[0];
    assert_string_equal(first->name, "example.com");
    assert_false(first->exact);
    assert_int_equal(first->more_count, 8);
    words(&first->exclude, "shop.example.com shop.example.net customers.example.com ");
    words(&first->wildcards, "*.cdn.example.com *.cdn.example.net *.example.com *.example.net ");
    words(&first->names, "example.com example.net www.example.com www.example.net *.api.example.com ");
    assert_string_equal(first->owner, "it's \"us\"");
    assert_int_equal(first->keys, WATCH_KEYS_ENFORCE);
    assert_int_equal(first->allow_count, 1);
    assert_int_equal(first->stores, 9);
    assert_int_equal(first->pairing, WATCH_PAIRING_OFF);
    assert_int_equal(first->expiry_count, 3);
    assert_int_equal(first->expiry_days[0], 14);
    assert_int_equal(first->expiry_days[2], 0);
    assert_int_equal(first->cadence, WATCH_CADENCE_OFF);
    assert_true(watches[1].exact);
    assert_int_equal(watches[2].kind, WATCH_EMAIL);
    assert_true(watches[2].wildcard_allowed);
    watch_free(watches, count);
}

/* What `domain list --yaml` writes is the same again. */
static void round_trip(void **state)
{
    struct watch *first;
    struct watch *second;
    struct err why;
    size_t count;
    size_t again;
    char *text = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(load(whole, &first, &count, &why), ERR_OK);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    policyyaml_write(out, first, count);
    assert_int_equal(fclose(out), 0);
    if (load(text, &second, &again, &why) != ERR_OK)
        fail_msg("%s in\n%s", why.text, text);
    assert_int_equal(again, count);
    for (size_t i = 0; i < count; i++) {
        struct buf left;
        struct buf right;
        buf_init(&left, 1u << 16);
        buf_init(&right, 1u << 16);
        watchjson_write(&first[i], &left);
        watchjson_write(&second[i], &right);
        assert_string_equal(buf_text(&right), buf_text(&left));
        assert_string_equal(second[i].name, first[i].name);
        assert_int_equal(second[i].exact, first[i].exact);
        buf_fini(&left);
        buf_fini(&right);
    }
    watch_free(first, count);
    watch_free(second, again);
    free(text);
}

/* Keys that are listed count, unless the file says that they do not; that is written back. */
static void keys_count(void **state)
{
    struct watch *watches;
    struct watch *again;
    struct err why;
    size_t count;
    char *text = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(load("watch:\n  - name: a.example\n    keys: {spki: [\"" H "\"]}\n"
                          "  - name: b.example\n    keys: {mode: off, tbs: [\"" H "\"]}\n",
                          &watches, &count, &why),
                     ERR_OK);
    assert_int_equal(watches[0].keys, WATCH_KEYS_ADVISE);
    assert_int_equal(watches[1].keys, WATCH_KEYS_OFF);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    policyyaml_write(out, watches, count);
    assert_int_equal(fclose(out), 0);
    watch_free(watches, count);
    assert_int_equal(load(text, &again, &count, &why), ERR_OK);
    assert_int_equal(again[0].keys, WATCH_KEYS_ADVISE);
    assert_int_equal(again[1].keys, WATCH_KEYS_OFF);
    watch_free(again, count);
    free(text);
}

#define LEARNING(keys) "watch:\n  - name: a.example\n    allow: [\"spki:" H "\"]\n    " keys "\n"

/* How far learning has come is written and read again. */
static void learning(void **state)
{
    struct watch *watches;
    struct err why;
    size_t count;
    char *text[2] = {NULL, NULL};
    size_t len = 0;
    (void)state;
    assert_int_equal(load(LEARNING("keys: {learn: 30}"), &watches, &count, &why), ERR_OK);
    assert_int_equal(watches[0].keys, WATCH_KEYS_ADVISE);
    assert_true(watches[0].learning.days == 30 && watches[0].learning.until == 0);
    watches[0].learning = (struct watch_learning){30, 1796083200, true};
    assert_true(watch_hashes_add(&watches[0].key_learned, (const uint8_t[32]){1},
                                 "0100000000000000000000000000000000000000000000000000000000000000"));
    for (int i = 0; i < 2; i++) {
        FILE *out = open_memstream(&text[i], &len);
        assert_non_null(out);
        policyyaml_write(out, watches, count);
        assert_int_equal(fclose(out), 0);
        watch_free(watches, count);
        assert_int_equal(load(text[i], &watches, &count, &why), ERR_OK);
        assert_true(watches[0].learning.over);
        assert_int_equal(watches[0].learning.until, 1796083200);
        assert_int_equal(watches[0].key_learned.count, 1);
    }
    assert_string_equal(text[0], text[1]);
    watch_free(watches, count);
    free(text[0]);
    free(text[1]);
}

/* certspotter's: exact without a dot in front. */
static void watch_list(void **state)
{
    struct watch *watches;
    struct err why;
    size_t count;
    (void)state;
    assert_int_equal(
        load("# mine\n\n.example.com\nwww.example.org valid_at:2020-01-01\r\n", &watches, &count, &why),
        ERR_OK);
    assert_int_equal(count, 2);
    assert_false(watches[0].exact);
    assert_string_equal(watches[1].name, "www.example.org");
    assert_true(watches[1].exact);
    watch_free(watches, count);
}

static const struct {
    const char *text;
    const char *line; /* ":N:" */
    const char *part;
} bad[] = {
    {"", "", "names no domain"},
    {"#\n", "", "names no domain"},
    {"watch: []\n", "", "names no domain"},
    {"watch: x\n", "", "a list of entries"},
    {"watch:\n  - name: a.example\nwatches: 1\n", ":3:", "unknown key 'watches'"},
    {"watch:\n  - name: a.example\n    alow: []\n",
     ":3:", "alow: there is no such key; did you mean 'allow'?"},
    {"watch:\n  - name: a.example\n    key: {mode: off}\n", ":3:", "did you mean 'keys'?"},
    {"watch:\n  - name: a.example\n    names: {foreign-san: warn}\n", ":3:", "did you mean 'foreign_san'?"},
    {"watch:\n  - name: a.example\n    whatever: 1\n", ":3:", "whatever: there is no such key"},
    {"watch:\n  - name: a.example\n    keys:\n      modus: off\n", ":4:", "keys.modus"},
    {"watch:\n  - name: a.example\n    name: b.example\n", ":3:", "a second time"},
    {"watch:\n  - name: a.example\n  - name: .A.example\n", ":3:", "a second time"},
    {"watch:\n  - owner: x\n", ":2:", "every entry needs a name"},
    {"watch:\n  - a.example\n", ":2:", "an entry with keys"},
    {"watch:\n  - name: \"*.example\"\n", ":2:", "without '*'"},
    {"watch:\n  - name: a.example\n    wildcard: [*.cdn]\n", ":3:", "in quotes"},
    {"watch:\n  - name: a.example\n    wildcard: [cdn]\n", ":3:", "is no wildcard"},
    {"watch:\n  - name: a.example\n    wildcard: &x true\n", ":3:", "in quotes"},
    {"watch:\n  - name: a.example\n    tags: !!str a\n", ":3:", "in quotes"},
    {"watch:\n  - name: a.example\n    ips: [\"192.0.2.1/24\"]\n", ":3:", "host bits"},
    {"watch:\n  - name: a.example\n    ips: [b.example]\n", ":3:", "an address or a network"},
    {"watch:\n  - name: a.example\n    allow: [letsencrypt]\n", ":3:", "did you mean 'letsencrypt.org'"},
    {"watch:\n  - name: a.example\n    allow: [\"ca:Fina\"]\n", ":3:", "no CA of that name"},
    {"watch:\n  - name: a.example\n    allow: {a: b}\n", ":3:", "a list is wanted"},
    {"watch:\n  - name: a.example\n    allow: [\"spki:" H "\"]\n    deny: [\"spki:" H "\"]\n",
     ":4:", "is allowed as well"},
    {"watch:\n  - name: a.example\n    keys: {file: /nowhere}\n", ":3:", "No such file"},
    {"watch:\n  - name: a.example\n    keys: {spki: [00]}\n", ":3:", "64 hex digits"},
    {LEARNING("keys: {learn: 0}"), ":4:", "days from 1 to 365"},
    {LEARNING("keys: {learn: 366}"), ":4:", "days from 1 to 365"},
    {LEARNING("keys: {learn: {day: 3}}"), ":4:", "days, until and over"},
    {LEARNING("keys: {learn: {days: 3, until: soon}}"), ":4:", "a time such as"},
    {LEARNING("keys: {learn: {days: 3, over: true}}"), ":4:", "beside it until"},
    {LEARNING("keys: {mode: off, learn: 3}"), ":4:", "with mode off"},
    {LEARNING("keys: {learned: [\"" H "\"]}"), ":4:", "comes with `learn`"},
    {"watch:\n  - name: a.example\n    keys: {learn: 3}\n", ":3:", "allowed CAs alone"},
    {"watch:\n  - name: a.example\n    key_types: [rsa]\n", ":3:", "'rsa' is none"},
    {"watch:\n  - name: a.example\n    key_types: [rsa-+]\n", ":3:", "'rsa-+' is none"},
    {"watch:\n  - name: a.example\n    key_types: [ed25519+]\n", ":3:", "'ed25519+' is none"},
    {"watch:\n  - name: a.example\n    signatures: [sha256]\n", ":3:", "'sha256' is none; there are ecdsa"},
    {"watch:\n  - name: a.example\n    stores:\n      require: [debian]\n",
     ":4:", "one of: mozilla chrome apple microsoft"},
    {"watch:\n  - name: a.example\n    exclude: [\"*.dev\"]\n", ":3:", "write 'dev'"},
    {"watch:\n  - name: a.example\n    pairing: strict\n", ":3:", "one of: on off"},
    {"watch:\n  - name: a.example\n    pairing: {final_within: 72}\n", ":3:", "1h to 90d"},
    {"watch:\n  - name: a.example\n    pairing: {final_within: 91d}\n", ":3:", "1h to 90d"},
    {"watch:\n  - name: a.example\n    pairing: {final_within: 99999999999999999999h}\n", ":3:", "1h to 90d"},
    {"watch:\n  - name: a.example\n    pairing: {final: 3d}\n", ":3:", "{final_within: 72h}"},
    {"watch:\n  - name: a.example\n    max_days: many\n", ":3:", "days from 1"},
    {"watch:\n  - name: a.example\n    exact: perhaps\n", ":3:", "true or false"},
    {"watch:\n  - name: 192.0.2.1\n    exclude: [www]\n", ":3:", "has no domain"},
    {"watch:\n  - name: a.example\n   bad: indent\n", ":3:", "not YAML"},
    {"watch: [[[[[[[[[[]]]]]]]]]]\n", ":1:", "nested too deeply"},
    {"watch: []\n---\nwatch: []\n", ":2:", "a second document"},
    {".\n", ":1:", "everything"},
    {"a.example\n*.b.example\n", ":2:", "without '*'"},
    {"a.example\n\na.example\n", ":3:", "a second time"},
    {"watch:\n  - name: \"\xff\"\n", "", "not YAML"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct watch *watches;
        struct err why;
        size_t count;
        if (load(bad[i].text, &watches, &count, &why) != ERR_CONFIG)
            fail_msg("%s: %s", bad[i].text, why.text);
        if (strstr(why.text, bad[i].line) == NULL || strstr(why.text, bad[i].part) == NULL)
            fail_msg("%s: %s, not %s %s", bad[i].text, why.text, bad[i].line, bad[i].part);
        assert_null(watches);
    }
}

static int setup(void **state)
{
    (void)state;
    return dns_psl_load(SPAN_NONE, NULL) == ERR_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything), cmocka_unit_test(round_trip),
                                       cmocka_unit_test(keys_count), cmocka_unit_test(watch_list),
                                       cmocka_unit_test(refused),    cmocka_unit_test(learning)};
    int fd = mkstemp(path);
    must(fd >= 0);
    (void)close(fd);
    int failed = cmocka_run_group_tests(tests, setup, NULL);
    (void)unlink(path);
    return failed;
}
