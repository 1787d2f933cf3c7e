/* Names of CAs and the keys behind them, as the program was born with. */
#include "trust/caatable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void names_are_compared_without_what_does_not_matter(void **state)
{
    static const struct {
        const char *given;
        const char *normal; /* NULL: none */
    } rows[] = {
        {"LetsEncrypt.org.", "letsencrypt.org"},
        {"pki.goog", "pki.goog"},
        {" letsencrypt.org \r\n", "letsencrypt.org"},
        {" \t", NULL},
        {"ca:DigiCert, Inc.", "ca:digicert"},
        {"ca:digicert", "ca:digicert"},
        {"ca:Some  CA (Germany) GmbH", "ca:some ca germany"},
        {"ca:ISRG", "ca:internet security research group"},
        {"ca:Let's Encrypt", "ca:internet security research group"},
        {"ca:Inc.", "ca:inc"}, /* not what companies add, but all there is */
        {"ca:", NULL},
        {"ca: ..'", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        char normal[CAATABLE_NAME_MAX];
        bool good = caatable_normal(rows[i].given, normal);
        if (good != (rows[i].normal != NULL) || (good && strcmp(normal, rows[i].normal) != 0))
            fail_msg("'%s' became '%s'", rows[i].given, good ? normal : "nothing");
    }
    char longest[2 * CAATABLE_NAME_MAX];
    char normal[CAATABLE_NAME_MAX];
    memset(longest, 'a', sizeof longest);
    for (size_t len = CAATABLE_NAME_MAX - 4; len < sizeof longest; len++) {
        memcpy(longest, len % 2 == 0 ? "ca:" : "aaa", 3);
        longest[len] = '\0';
        if (caatable_normal(longest, normal))
            assert_true(strlen(normal) < CAATABLE_NAME_MAX);
        longest[len] = 'a';
    }
}

struct seen {
    size_t count;
    bool wanted; /* the key that is looked for is among them */
    const char *key;
    char owners[4][64];
    size_t owner_count;
};

static void on_key(void *arg, const uint8_t key[32], const char *owner)
{
    struct seen *seen = arg;
    char hex[65];
    seen->count++;
    (void)text_hex(span_of(key, 32), hex);
    seen->wanted = seen->wanted || (seen->key != NULL && strcmp(hex, seen->key) == 0);
    for (size_t i = 0; i < seen->owner_count; i++)
        if (strcmp(seen->owners[i], owner) == 0)
            return;
    assert_true(seen->owner_count < 4 && strlen(owner) < 64);
    memcpy(seen->owners[seen->owner_count++], owner, strlen(owner) + 1);
}

static struct seen keys_of(const char *name, const char *key)
{
    struct seen seen = {.key = key};
    size_t count = caatable_keys(name, on_key, &seen);
    assert_int_equal(count, seen.count);
    return seen;
}

/* Keys of ISRG Root X1 and of Google's WR2: read in the certificates. */
#define ISRG_X1 "0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3"

static void names_stand_for_keys(void **state)
{
    (void)state;
    assert_true(keys_of("letsencrypt.org", ISRG_X1).wanted);
    assert_true(keys_of("ca:internet security research group", ISRG_X1).wanted);
    assert_false(keys_of("pki.goog", ISRG_X1).wanted);
    assert_true(keys_of("pki.goog", NULL).count > 10);
    assert_int_equal(keys_of("letsencrypt", NULL).count, 0);
    assert_int_equal(keys_of("encrypt.org", NULL).count, 0);
    assert_int_equal(keys_of("", NULL).count, 0);
    assert_int_equal(keys_of("ca:", NULL).count, 0);
}

static void a_domain_of_several_owners(void **state)
{
    struct seen all = keys_of("amazon.com", NULL);
    struct seen own = keys_of("ca:amazon", NULL);
    (void)state;
    assert_true(all.owner_count > 1);
    assert_int_equal(own.owner_count, 1);
    assert_string_equal(own.owners[0], "Amazon");
    assert_true(own.count > 0 && own.count < all.count);
}

static void on_name(void *arg, const char *name)
{
    size_t *count = arg;
    char normal[CAATABLE_NAME_MAX];
    assert_true(caatable_normal(name, normal));
    if (keys_of(normal, NULL).count == 0)
        fail_msg("'%s' stands for no key", name);
    ++*count;
}

static void every_name_stands_for_a_key(void **state)
{
    size_t count = 0;
    (void)state;
    caatable_names(on_name, &count);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_compared_without_what_does_not_matter),
                                       cmocka_unit_test(names_stand_for_keys),
                                       cmocka_unit_test(a_domain_of_several_owners),
                                       cmocka_unit_test(every_name_stands_for_a_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
