#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpsl.h>

#include "base/dns.h"
#include "base/suffix.h"

static void lists_that_are_none(void **state)
{
    struct err why = {0};
    (void)state;
    assert_int_equal(suffix_load(SPAN_LIT(""), &why), ERR_FORMAT);
    err_clear(&why);
    assert_int_equal(suffix_load(SPAN_LIT("// only a comment\n\n"), &why), ERR_FORMAT);
}

/* The list in force decides, and a later one replaces it. */
static void lists_replace_each_other(void **state)
{
    static const char list[] = "// ===BEGIN ICANN DOMAINS===\ncom\n*.wild\n!free.wild\nb\xc3\xbc"
                               "cher\n"
                               "a.b.c.deep // trailing words\n// ===END ICANN DOMAINS===\n";
    static const struct {
        const char *name, *apex;
    } rows[] = {
        {"www.example.com", "example.com"},
        {"a.b.co.uk", "co.uk"},
        {"x.y.z.wild", "y.z.wild"},
        {"x.free.wild", "free.wild"},
        {"x.y.a.b.c.deep", "y.a.b.c.deep"},
        {"x.b.c.deep", "c.deep"},
        {"a.b.xn--bcher-kva", "b.xn--bcher-kva"},
    };
    struct err why = {0};
    (void)state;
    assert_int_equal(suffix_load(SPAN_LIT(list), &why), ERR_OK);
    for (size_t i = 0; i < countof(rows); i++)
        assert_true(span_eq(suffix_registrable(span_str(rows[i].name)), span_str(rows[i].apex)));
    assert_true(suffix_is_public(SPAN_LIT("a.b.c.deep")));
    assert_false(suffix_is_public(SPAN_LIT("b.c.deep")));
    assert_false(suffix_is_public(SPAN_LIT("co.uk")));
    assert_int_equal(suffix_load(SPAN_NONE, &why), ERR_OK);
    assert_true(suffix_is_public(SPAN_LIT("co.uk")));
    assert_false(suffix_is_public(SPAN_LIT("")));
}

/* One rule of the list as names of three kinds: the rule, a name below it, a name two below it. */
static void compare(const psl_ctx_t *psl, const char *rule, size_t *compared)
{
    static const char *const heads[] = {"", "x.", "y.x.", "d.c.b.a.y.x."};
    for (size_t i = 0; i < countof(heads); i++) {
        char name[300];
        (void)snprintf(name, sizeof name, "%s%s", heads[i], rule);
        const char *want = psl_registrable_domain(psl, name);
        struct span got = suffix_registrable(span_str(name));
        if (!span_eq(got, span_str(want == NULL ? name : want)))
            print_error("%s: %.*s\n", name, (int)got.len, (const char *)got.at);
        assert_true(span_eq(got, span_str(want == NULL ? name : want)));
        assert_int_equal(suffix_is_public(span_str(name)), psl_is_public_suffix(psl, name) != 0);
        ++*compared;
    }
}

/* The short cut never says anything else than the library: every rule of the system's list, and its
 * neighbours. */
static void the_short_cut_agrees_with_the_library(void **state)
{
    struct buf text;
    struct err why = {0};
    size_t compared = 0;
    (void)state;
    buf_init(&text, 10u << 20);
    if (suffix_system_text(&text, &why) != ERR_OK) {
        print_message("%s\n", why.text);
        skip();
    }
    psl_ctx_t *psl = psl_load_file("/usr/share/publicsuffix/public_suffix_list.dat");
    assert_non_null(psl);
    assert_int_equal(suffix_load(buf_span(&text), &why), ERR_OK);
    struct span left = buf_span(&text);
    while (left.len > 0) {
        const uint8_t *newline = memchr(left.at, '\n', left.len);
        size_t end = newline == NULL ? left.len : (size_t)(newline - left.at);
        struct span line = span_part(left, 0, end);
        left = span_part(left, newline == NULL ? end : end + 1, left.len);
        char rule[200];
        bool ascii = line.len > 0 && line.len < sizeof rule && line.at[0] != '/';
        for (size_t i = 0; i < line.len; i++)
            ascii = ascii && line.at[i] > ' ' && line.at[i] < 0x7f;
        if (!ascii)
            continue;
        size_t skipped = line.at[0] == '!' ? 1 : line.at[0] == '*' ? 2 : 0;
        (void)snprintf(rule, sizeof rule, "%.*s", (int)(line.len - skipped), (const char *)line.at + skipped);
        compare(psl, rule, &compared);
    }
    print_message("%zu names compared\n", compared);
    assert_true(compared > 20000);
    psl_free(psl);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_that_are_none),
        cmocka_unit_test(lists_replace_each_other),
        cmocka_unit_test(the_short_cut_agrees_with_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
