/* From what was issued to what is expected. */
#include "cli/learn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/dns.h"

#define DAY 86400

static void add(struct learn *learn, bool imported, const char *ca, uint8_t key, int64_t day,
                const char *const *list)
{
    struct watch_words names = {0};
    uint8_t spki[32];
    memset(spki, key, sizeof spki);
    for (size_t i = 0; list[i] != NULL; i++)
        must(watch_words_add(&names, list[i]));
    struct learn_fact fact = {.imported = imported,
                              .ca = ca,
                              .ca_by_name = imported,
                              .names = &names,
                              .spki = key == 0 ? NULL : spki,
                              .key_type = imported ? "" : "ec-p256",
                              .signing = imported ? NULL : "ecdsa-sha384",
                              .not_before = day * DAY,
                              .not_after = (day + 90) * DAY - 1};
    learn_add(learn, &fact);
    for (size_t i = 0; i < names.count; i++)
        free(names.at[i]);
    free(names.at);
}

static void check(json_t *found, const char *expected)
{
    char *text = json_dumps(found, JSON_COMPACT);
    must(text != NULL);
    assert_string_equal(text, expected);
    free(text);
    json_decref(found);
}

static const char *const shop[] = {"www.shop.example", "shop.example", "other.test", NULL};
static const char *const cdn[] = {"*.cdn.shop.example", NULL};

static void usual(void **state)
{
    struct learn *learn = learn_new("shop.example", WATCH_DNS, false);
    (void)state;
    add(learn, false, "ca.example", 1, 0, shop);
    add(learn, false, "ca.example", 2, 60, shop);
    add(learn, false, "ca.example", 3, 121, shop);
    add(learn, false, "ca.example", 4, 121, shop); /* on the same day: no renewal */
    add(learn, true, "ca:Second", 0, 10, cdn);
    add(learn, true, NULL, 0, 10, cdn);
    assert_int_equal(learn_count(learn), 6);
    check(learn_policy(learn),
          "{\"name\":\".shop.example\",\"allow\":[\"ca.example\",\"ca:Second\"],"
          "\"wildcard\":[\"*.cdn.shop.example\"],\"names\":{\"allow\":[\"www.shop.example\","
          "\"shop.example\",\"*.cdn.shop.example\"]},\"key_types\":[\"ec-p256\"],"
          "\"max_days\":90}");
    check(learn_evidence(learn),
          "{\"stored\":4,\"imported\":2,\"unknown_issuer\":1,\"cas\":{\"ca.example\":4},\"cas_by_name\":"
          "{\"ca:Second\":1},\"names\":{\"www.shop.example\":4,\"shop.example\":4},\"wildcards\":"
          "{\"*.cdn.shop.example\":2},\"key_types\":{\"ec-p256\":4},\"signatures\":{\"ecdsa-sha384\":4},"
          "\"keys\":4,\"keys_used_again\":0,"
          "\"longest_days\":90,\"renewed_after_days\":61,\"renewals\":2}");
    learn_free(learn);
}

/* Keys that stay are worth a list. */
static void keys_that_stay(void **state)
{
    static const char *const one[] = {"www.shop.example", NULL};
    struct learn *learn = learn_new("www.shop.example", WATCH_DNS, true);
    (void)state;
    add(learn, false, "ca.example", 7, 0, one);
    add(learn, false, "ca.example", 7, 60, shop);
    json_t *policy = learn_policy(learn);
    assert_true(json_is_string(json_object_get(policy, "exact")));
    json_t *keys = json_object_get(policy, "keys");
    assert_string_equal(json_string_value(json_object_get(keys, "mode")), "advise");
    assert_int_equal(json_array_size(json_object_get(keys, "spki")), 1);
    assert_int_equal(json_array_size(json_object_get(json_object_get(policy, "names"), "allow")), 1);
    json_decref(policy);
    learn_free(learn);
}

/* More than anybody reads is not listed, and of what is endless only so much is counted. */
static void too_much(void **state)
{
    struct learn *learn = learn_new("shop.example", WATCH_DNS, false);
    (void)state;
    for (int i = 0; i < 12000; i++) {
        char name[64];
        const char *const list[] = {name, NULL};
        (void)snprintf(name, sizeof name, "h%d.shop.example", i);
        add(learn, false, "ca.example", 1, i, list);
    }
    json_t *policy = learn_policy(learn);
    json_t *evidence = learn_evidence(learn);
    assert_null(json_object_get(policy, "names"));
    assert_true(json_object_size(json_object_get(evidence, "names")) <= 10000);
    assert_int_equal(json_integer_value(json_object_get(evidence, "stored")), 12000);
    json_decref(policy);
    json_decref(evidence);
    learn_free(learn);
}

/* Of an address names are no rule: whose they are nobody knows. */
static void of_an_address(void **state)
{
    struct learn *learn = learn_new("192.0.2.0/24", WATCH_IP, false);
    (void)state;
    add(learn, false, "ca.example", 7, 0, shop);
    add(learn, false, "ca.example", 7, 60, cdn);
    check(learn_policy(learn),
          "{\"name\":\"192.0.2.0/24\",\"allow\":[\"ca.example\"],\"keys\":{\"mode\":\"advise\","
          "\"spki\":[\"0707070707070707070707070707070707070707070707070707070707070707\"]},"
          "\"key_types\":[\"ec-p256\"],\"max_days\":90}");
    learn_free(learn);
}

static void nothing(void **state)
{
    struct learn *learn = learn_new("shop.example", WATCH_DNS, false);
    (void)state;
    check(learn_policy(learn), "{\"name\":\".shop.example\"}");
    json_decref(learn_evidence(learn));
    learn_free(learn);
    learn_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(usual), cmocka_unit_test(keys_that_stay),
                                       cmocka_unit_test(too_much), cmocka_unit_test(of_an_address),
                                       cmocka_unit_test(nothing)};
    must(dns_psl_load(SPAN_LIT("example\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
