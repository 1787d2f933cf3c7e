/* Names that are no domains: what is stored of them comes back as it was, and the keys are the ones asked
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "db/others.h"

struct keys {
    char text[4096];
};

static bool join(void *arg, struct span key)
{
    struct keys *keys = arg;
    size_t len = strlen(keys->text);
    must(len + key.len + 2 < sizeof keys->text);
    if (len != 0)
        keys->text[len++] = '|';
    memcpy(keys->text + len, key.at, key.len);
    keys->text[len + key.len] = '\0';
    return true;
}

static void words_and_keys(void **state)
{
    static const struct {
        enum name_kind kind; /* NAME_OTHER: an organisation, NAME_DIRECTORY: the common name */
        const char *text;
        const char *stored;
        const char *keys;
    } rows[] = {
        {NAME_EMAIL, "Joe@mail.test", "email:Joe@mail.test", "email:mail.test"},
        {NAME_EMAIL, "no-at", "email:no-at", ""},
        {NAME_EMAIL, "a b\\\x1b@x.test", "email:a\\x20b\\x5c\\x1b@x.test", "email:x.test"},
        {NAME_URI, "spiffe://Trust.test/ns/a", "uri:spiffe://Trust.test/ns/a", "uri:trust.test"},
        {NAME_URI, "URN:x", "uri:URN:x", "uri:urn:x"},
        {NAME_OTHER, "Acme Inc", "org:Acme\\x20Inc", "org:acme inc"},
        {NAME_OTHER, " Acme\t\n Inc ", "org:\\x20Acme\\x09\\x0a\\x20Inc\\x20 orgkey:acme\\x20inc",
         "org:acme inc"},
        {NAME_OTHER, "\xff\xc3\xa4", "org:\\xff\\xc3\\xa4", "org:\xff\xc3\xa4"},
        {NAME_OTHER, "", "org:", ""},
        {NAME_DIRECTORY, "Root CA", "", "cn:root ca"},
        {NAME_DIRECTORY, "  ", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct name name = {.kind = rows[i].kind, .text = span_str(rows[i].text)};
        struct span org = span_str(rows[i].text);
        struct issuance issuance = {0};
        struct issuance back = {0};
        struct name room[2];
        struct keys keys = {""};
        struct arena arena;
        struct buf out;
        buf_init(&out, 4096);
        assert_true(arena_init(&arena, 1u << 16));
        issuance.orgs = &org;
        issuance.org_count = rows[i].kind == NAME_OTHER;
        issuance.names = &name;
        issuance.name_count = rows[i].kind == NAME_EMAIL || rows[i].kind == NAME_URI;
        if (rows[i].kind == NAME_DIRECTORY)
            issuance.subject_cn = org;
        assert_true(others_put(&out, &issuance));
        assert_string_equal(buf_text(&out), rows[i].stored);
        assert_true(others_keys(&issuance, join, &keys));
        assert_string_equal(keys.text, rows[i].keys);
        back.names = room;
        assert_true(others_get(buf_span(&out), &arena, &back));
        assert_int_equal(back.name_count, issuance.name_count);
        assert_int_equal(back.org_count, issuance.org_count);
        if (back.name_count != 0) {
            assert_int_equal(back.names[0].kind, rows[i].kind);
            assert_true(span_eq(back.names[0].text, name.text));
        }
        if (back.org_count != 0)
            assert_true(span_eq(back.orgs[0], org));
        arena_fini(&arena);
        buf_fini(&out);
    }
}

static void what_is_too_much_is_said(void **state)
{
    struct name *names = calloc(LIMIT_NAMES_STORED + 1, sizeof *names);
    struct issuance issuance = {.names = names, .name_count = LIMIT_NAMES_STORED + 1};
    struct buf out;
    (void)state;
    assert_non_null(names);
    for (size_t i = 0; i < issuance.name_count; i++)
        names[i] = (struct name){.kind = NAME_EMAIL, .text = SPAN_LIT("a@x.test")};
    buf_init(&out, LIMIT_COPY_BYTES);
    assert_false(others_put(&out, &issuance));
    assert_string_equal(buf_text(&out) + out.len - 2, " ?");
    assert_int_equal(others_count(buf_span(&out)), LIMIT_NAMES_STORED + 1);
    buf_fini(&out);
    free(names);
}

/* Whatever bytes a name has, they come back; and they are among the words of the row as plain text. */
static void names_as_found_come_back(void **state)
{
    static const uint8_t kinds[] = {NAME_DNS, NAME_DNS, NAME_EMAIL, NAME_IP};
    uint8_t bytes[4][256];
    struct name found[4];
    struct issuance issuance = {.found = found, .found_count = 4};
    struct issuance back = {0};
    struct name room[1];
    struct arena arena;
    struct buf out;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 256; k++)
            bytes[i][k] = (uint8_t)(k * (2 * i + 1));
        found[i] = (struct name){.kind = (enum name_kind)kinds[i],
                                 .flags = i == 1 ? NAME_FROM_CN : 0,
                                 .raw = span_of(bytes[i], i == 3 ? 0 : 256)};
    }
    buf_init(&out, 1u << 16);
    assert_true(arena_init(&arena, 1u << 16));
    assert_true(others_put(&out, &issuance));
    for (size_t i = 0; i < out.len; i++)
        assert_in_range(out.at[i], 0x20, 0x7e);
    assert_int_equal(others_count(buf_span(&out)), 4);
    back.names = room;
    assert_true(others_get(buf_span(&out), &arena, &back));
    assert_int_equal(back.found_count, 4);
    assert_int_equal(back.name_count + back.org_count, 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(back.found[i].kind, found[i].kind);
        assert_int_equal(back.found[i].flags, found[i].flags);
        assert_true(span_eq(back.found[i].raw, found[i].raw));
    }
    arena_fini(&arena);
    buf_fini(&out);
}

static void of_too_many_as_found_the_rest_is_counted(void **state)
{
    struct name *found = calloc(LIMIT_NAMES_STORED + 3, sizeof *found);
    struct issuance issuance = {.found = found, .found_count = LIMIT_NAMES_STORED + 3};
    struct buf out;
    (void)state;
    assert_non_null(found);
    for (size_t i = 0; i < issuance.found_count; i++)
        found[i] = (struct name){.kind = NAME_DNS, .raw = SPAN_LIT("a b")};
    buf_init(&out, LIMIT_COPY_BYTES);
    assert_true(others_put(&out, &issuance)); /* nobody is looked for by them */
    assert_string_equal(buf_text(&out) + out.len - 10, " rawmore:3");
    buf_fini(&out);
    free(found);
}

/* A row is what somebody else may have written: no word of it is believed to be whole. */
static void damaged_words(void **state)
{
    static const char *const rows[] = {"",
                                       "email:",
                                       "email",
                                       ":",
                                       "uri:\\x",
                                       "org:\\xzz\\x4",
                                       "?  ? email:a",
                                       "org:",
                                       "raw raw: rawdns rawdns:\\x rawcn:\\x4 rawmore:x rawip:"};
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct name room[8];
        struct issuance back = {.names = room};
        struct arena arena;
        assert_true(arena_init(&arena, 1u << 16));
        assert_true(others_get(span_str(rows[i]), &arena, &back));
        assert_true(back.name_count + back.org_count <= others_count(span_str(rows[i])));
        arena_fini(&arena);
    }
}

static void long_texts_have_keys(void **state)
{
    uint8_t key[OTHERS_KEY_MAX];
    char text[2000];
    (void)state;
    memset(text, 'A', sizeof text);
    assert_int_equal(others_text_key("org:", span_of(text, sizeof text), key), OTHERS_KEY_MAX - 1);
    assert_int_equal(others_host_key("uri:", span_of(text, sizeof text), key), 0);
    assert_int_equal(others_host_key("uri:", span_of(text, OTHERS_KEY_MAX - 4), key), OTHERS_KEY_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_keys),
        cmocka_unit_test(what_is_too_much_is_said),
        cmocka_unit_test(names_as_found_come_back),
        cmocka_unit_test(of_too_many_as_found_the_rest_is_counted),
        cmocka_unit_test(damaged_words),
        cmocka_unit_test(long_texts_have_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
