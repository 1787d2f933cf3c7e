#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/dns.h"

#define CHANGED DNS_CHANGED
#define HOLDER  (DNS_PLACEHOLDER | DNS_CHANGED)

struct row {
    struct span raw;
    struct {
        const char *text;
        uint32_t flags;
    } want[DNS_READINGS_MAX];
};

#define RAW(text)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(text), sizeof(text) - 1                                                            \
    }

static const struct row rows[] = {
    {RAW("example.com"), {{"example.com", 0}}},
    {RAW("*.example.com"), {{"*.example.com", DNS_WILDCARD}}},
    {RAW("xn--bcher-kva.example"), {{"xn--bcher-kva.example", 0}}},
    {RAW("_dmarc.a-b.example"), {{"_dmarc.a-b.example", 0}}},
    {RAW("com"), {{"com", 0}}},
    {RAW("*"), {{"*", DNS_WILDCARD}}},
    {RAW("host1"), {{"host1", 0}}},
    {RAW("-leading.example-.com"), {{"-leading.example-.com", 0}}},
    /* labels that IDNA refuses are names all the same */
    {RAW("xn--a.example"), {{"xn--a.example", 0}}},
    {RAW("xn--0.xn--"), {{"xn--0.xn--", 0}}},
    {RAW("ab--cd.example"), {{"ab--cd.example", 0}}},
    {RAW("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"),
     {{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", 0}}},
    /* what needs cleaning */
    {RAW("Example.COM"), {{"example.com", CHANGED}}},
    {RAW("XN--Bcher-KVA.example"), {{"xn--bcher-kva.example", CHANGED}}},
    {RAW("example.com."), {{"example.com", CHANGED}}},
    {RAW("example.com..."), {{"example.com", CHANGED}}},
    {RAW(" \t\r\nexample.com. \v\f"), {{"example.com", CHANGED}}},
    {RAW("http://example.com"), {{"example.com", CHANGED}}},
    {RAW("HTTPS://Example.com/path?x=1"), {{"example.com", CHANGED}}},
    {RAW("https://*.example.com/"), {{"*.example.com", CHANGED | DNS_WILDCARD}}},
    {RAW("example.com/"), {{"example.com", CHANGED}}},
    {RAW("example.com./x"), {{"example.com", CHANGED}}},
    {RAW("example.com:8443"), {{"example.com", CHANGED}}},
    {RAW("admin@example.com"), {{"example.com", CHANGED}}},
    {RAW("http://a@b@example.com:1/"), {{"example.com", CHANGED}}},
    /* stars where they may not be, redaction */
    {RAW("w*.example.com"), {{"?.example.com", HOLDER | DNS_PARTIAL_STAR}}},
    {RAW("*w.example.com"), {{"?.example.com", HOLDER | DNS_PARTIAL_STAR}}},
    {RAW("**.example.com"), {{"?.example.com", HOLDER | DNS_PARTIAL_STAR}}},
    {RAW("www.*.example.com"), {{"www.?.example.com", HOLDER | DNS_PARTIAL_STAR}}},
    {RAW("*.*.example.com"), {{"*.?.example.com", HOLDER | DNS_PARTIAL_STAR | DNS_WILDCARD}}},
    {RAW("?.example.com"), {{"?.example.com", DNS_PLACEHOLDER}}},
    {RAW("?.?.example.com"), {{"?.?.example.com", DNS_PLACEHOLDER}}},
    {RAW("(PRIVATE).example.com"), {{"?.example.com", HOLDER}}},
    /* what can not be read is never "no name" */
    {RAW(""), {{"?", HOLDER}}},
    {RAW("..."), {{"?", HOLDER}}},
    {RAW("http://"), {{"?", HOLDER}}},
    {RAW("/"), {{"?", HOLDER}}},
    {RAW("   "), {{"?", HOLDER}}},
    {RAW("foo bar.example.com"), {{"?.example.com", HOLDER}}},
    {RAW("a..example.com"), {{"a.?.example.com", HOLDER}}},
    {RAW(".example.com"), {{"?.example.com", HOLDER}}},
    {RAW("<script>.example.com"), {{"?.example.com", HOLDER}}},
    {RAW("a\x1b[2J.example.com"), {{"?.example.com", HOLDER}}},
    {RAW("a,b.example.com"), {{"?.example.com", HOLDER}}},
    /* NUL: the part a careless client sees, and the whole */
    {RAW("www.bank.com\0.evil.com"),
     {{"www.bank.com", CHANGED | DNS_HAD_NUL}, {"www.bank.?.evil.com", HOLDER | DNS_HAD_NUL}}},
    {RAW("bank.com\0"), {{"bank.com", CHANGED | DNS_HAD_NUL}}},
    {RAW("\0bank.com"), {{"bank.com", CHANGED | DNS_HAD_NUL}}},
    {RAW("\0"), {{"?", HOLDER | DNS_HAD_NUL}}},
    {RAW("a\0b\0c.example"), {{"a", CHANGED | DNS_HAD_NUL}, {"?.example", HOLDER | DNS_HAD_NUL}}},
    /* bytes outside ASCII: both readings */
    {RAW("b\xc3\xbc"
         "cher.example"),
     {{"xn--bcher-kva.example", CHANGED | DNS_NON_ASCII}}},
    {RAW("b\xfc"
         "cher.example"),
     {{"xn--bcher-kva.example", CHANGED | DNS_NON_ASCII}}},
    {RAW("B\xc3\x9c"
         "CHER.Example"),
     {{"xn--bcher-kva.example", CHANGED | DNS_NON_ASCII}}},
    {RAW("\xff\xfe.example"), {{"xn--vdab.example", CHANGED | DNS_NON_ASCII}}},
    {RAW("a\0\xfc.example"),
     {{"a", CHANGED | DNS_HAD_NUL | DNS_NON_ASCII}, {"?.example", HOLDER | DNS_HAD_NUL | DNS_NON_ASCII}}},
    {RAW("www\xe3\x80\x82"
         "example.com"),
     {{"www.example.com", CHANGED | DNS_NON_ASCII}}},
    {RAW("\xc3\xaa.example"),
     {{"xn--bda.example", CHANGED | DNS_NON_ASCII}, {"xn--a-xfa.example", CHANGED | DNS_NON_ASCII}}},
    {RAW("\xf0\x9f.\xfc.example"), {{"?.xn--tda.example", HOLDER | DNS_NON_ASCII}}},
    /* addresses */
    {RAW("192.0.2.1"), {{"192.0.2.1", DNS_WAS_IP}}},
    {RAW(" 192.0.2.1 "), {{"192.0.2.1", DNS_WAS_IP | CHANGED}}},
    {RAW("https://192.0.2.1:443/"), {{"192.0.2.1", DNS_WAS_IP | CHANGED}}},
    {RAW("2001:db8::1"), {{"2001:db8::1", DNS_WAS_IP}}},
    {RAW("2001:DB8:0:0:0:0:0:1"), {{"2001:db8::1", DNS_WAS_IP | CHANGED}}},
    {RAW("[2001:db8::1]:443"), {{"2001:db8::1", DNS_WAS_IP | CHANGED}}},
    {RAW("::ffff:192.0.2.1"), {{"::ffff:192.0.2.1", DNS_WAS_IP}}},
    {RAW("\xb9.2.3.4"), {{"1.2.3.4", DNS_WAS_IP | CHANGED | DNS_NON_ASCII}}},
    {RAW("256.0.2.1"), {{"256.0.2.1", 0}}},
    {RAW("1.2.3"), {{"1.2.3", 0}}},
    {RAW("010.0.0.1"), {{"010.0.0.1", 0}}},
};

static void every_reading(void **state)
{
    struct arena arena;
    struct dns_reading got[DNS_READINGS_MAX];
    (void)state;
    assert_true(arena_init(&arena, 1u << 16));
    for (size_t i = 0; i < countof(rows); i++) {
        size_t want = 0, count = dns_read(rows[i].raw, &arena, got);
        while (want < DNS_READINGS_MAX && rows[i].want[want].text != NULL)
            want++;
        for (size_t k = 0; k < count; k++) {
            bool same = k < want && span_eq(got[k].text, span_str(rows[i].want[k].text)) &&
                        got[k].flags == rows[i].want[k].flags;
            if (!same)
                print_error("row %zu, reading %zu: %.*s %#x\n", i, k, (int)got[k].text.len,
                            (const char *)got[k].text.at, got[k].flags);
            assert_true(same);
            if ((got[k].flags & DNS_CHANGED) == 0)
                assert_ptr_equal(got[k].text.at, rows[i].raw.at);
        }
        if (count != want)
            print_error("row %zu: %zu readings\n", i, count);
        assert_int_equal(count, want);
    }
    arena_fini(&arena);
}

static void too_long_or_no_room_is_the_placeholder(void **state)
{
    uint8_t many[DNS_TEXT_MAX + 1];
    struct arena arena;
    struct dns_reading got[DNS_READINGS_MAX];
    (void)state;
    assert_true(arena_init(&arena, 4));
    memset(many, 'a', sizeof many);
    assert_int_equal(dns_read(span_of(many, DNS_TEXT_MAX), &arena, got), 1);
    assert_ptr_equal(got[0].text.at, many);
    assert_int_equal(dns_read(span_of(many, DNS_TEXT_MAX + 1), &arena, got), 1);
    assert_true(span_eq(got[0].text, SPAN_LIT("?")));
    assert_int_equal(got[0].flags, HOLDER);
    assert_int_equal(dns_read(SPAN_LIT("Example.com"), &arena, got), 1);
    assert_true(span_eq(got[0].text, SPAN_LIT("?")));
    assert_int_equal(got[0].flags, HOLDER);
    assert_int_equal(dns_read(SPAN_NONE, &arena, got), 1);
    assert_true(span_eq(got[0].text, SPAN_LIT("?")));
    /* A-labels longer than any name. */
    memset(many, 0xfc, sizeof many);
    for (size_t i = 1; i < sizeof many; i += 2)
        many[i] = '.';
    assert_int_equal(dns_read(span_of(many, DNS_TEXT_MAX - 1), &arena, got), 1);
    assert_true(span_eq(got[0].text, SPAN_LIT("?")));
    arena_fini(&arena);
}

static void what_users_type(void **state)
{
    static const struct {
        const char *typed, *name; /* NULL: refused */
    } table[] = {
        {"example.com", "example.com"},
        {"  Example.COM.\n", "example.com"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"fa\xc3\x9f.de", "xn--fa-hia.de"}, /* not transitional: a name of its own */
        {"\xef\xbd\x85xample.com", "example.com"},
        {"*.example.com", "*.example.com"},
        {"_dmarc.example.com", "_dmarc.example.com"},
        {"xn--a.example", "xn--a.example"},
        {"localhost", "localhost"},
        {".example.com", NULL},
        {"", NULL},
        {" ", NULL},
        {".", NULL},
        {"a..b", NULL},
        {"example.com..", NULL},
        {"*", NULL},
        {"w*.example.com", NULL},
        {"a.*.com", NULL},
        {"?.example.com", NULL},
        {"http://example.com", NULL},
        {"example.com/24", NULL},
        {"foo bar.com", NULL},
        {"192.0.2.1", NULL},
        {"2001:db8::1", NULL},
        {"b\xfc"
         "cher.example",
         NULL},
        {"a\x1b[2J.com", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", NULL},
    };
    char out[DNS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct err why = {0};
        enum err_code code = dns_from_user(table[i].typed, out, &why);
        assert_int_equal(code, table[i].name == NULL ? ERR_FORMAT : ERR_OK);
        if (code == ERR_OK)
            assert_string_equal(out, table[i].name);
        else
            assert_null(strchr(why.text, '\n'));
    }
    char many[300];
    memset(many, 'a', sizeof many);
    for (size_t i = 3; i < sizeof many; i += 4)
        many[i] = '.';
    many[254] = 0;
    assert_int_equal(dns_from_user(many, out, NULL), ERR_FORMAT);
    many[253] = 0;
    assert_int_equal(dns_from_user(many, out, NULL), ERR_OK);
    assert_int_equal(dns_from_user("", out, NULL), ERR_FORMAT);
}

static void reverse_and_count(void **state)
{
    static const struct {
        const char *text, *reversed;
        size_t labels;
    } table[] = {{"www.example.com", "com.example.www", 3},
                 {"com", "com", 1},
                 {"", "", 0},
                 {"*.a.b", "b.a.*", 3},
                 {"?", "?", 1}};
    uint8_t out[64];
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct span text = span_str(table[i].text);
        dns_reverse(text, out);
        assert_memory_equal(out, table[i].reversed, text.len);
        assert_int_equal(dns_labels(text), table[i].labels);
    }
}

static void registrable_domains(void **state)
{
    static const struct {
        const char *text, *apex; /* NULL: none */
        bool suffix;
    } table[] = {
        {"example.com", "example.com", false},
        {"a.b.c.example.com", "example.com", false},
        {"*.example.com", "example.com", false},
        {"com", "com", true},
        {"*.com", "com", false},
        {"co.uk", "co.uk", true},
        {"*.co.uk", "co.uk", false},
        {"www.example.co.uk", "example.co.uk", false},
        {"github.io", "github.io", true},
        {"a.b.github.io", "b.github.io", false},
        {"www.ck", "www.ck", false},
        {"a.www.ck", "www.ck", false},
        {"foo.ck", "foo.ck", true},
        {"a.b.foo.ck", "b.foo.ck", false},
        {"ck", "ck", true},
        {"city.kawasaki.jp", "city.kawasaki.jp", false},
        {"x.city.kawasaki.jp", "city.kawasaki.jp", false},
        {"x.y.other.kawasaki.jp", "y.other.kawasaki.jp", false},
        {"no-such-tld-here", "no-such-tld-here", true},
        {"a.b.no-such-tld-here", "b.no-such-tld-here", false},
        {"a.b.xn--55qx5d.cn", "b.xn--55qx5d.cn", false}, /* the list has it in Chinese */
        {"a.b.xn--p1ai", "b.xn--p1ai", false},
        {"?.example.com", "example.com", false},
        {"a.?.com", NULL, false},
        {"example.?", NULL, false},
        {"?", NULL, false},
        {"*", NULL, false},
        {"", NULL, false},
        {"192.0.2.1", NULL, false},
        {"2001:db8::1", NULL, false},
        {"1.2.3", "2.3", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct span text = span_str(table[i].text), apex = dns_apex(text);
        bool same = table[i].apex == NULL ? apex.at == NULL : span_eq(apex, span_str(table[i].apex));
        if (!same)
            print_error("%s: %.*s\n", table[i].text, (int)apex.len, (const char *)apex.at);
        assert_true(same);
        if (apex.at != NULL)
            assert_ptr_equal(apex.at + apex.len, text.at + text.len);
        if (strchr(table[i].text, '?') == NULL && strchr(table[i].text, '*') == NULL && apex.at != NULL)
            assert_int_equal(dns_is_public_suffix(text), table[i].suffix);
    }
}

static void what_a_name_covers(void **state)
{
    static const struct {
        const char *name, *watched;
        bool subtree, exact;
    } table[] = {
        {"example.com", "example.com", true, true},
        {"www.example.com", "example.com", true, false},
        {"a.b.example.com", "example.com", true, false},
        {"*.example.com", "example.com", true, false},
        {"*.com", "example.com", true, true},
        {"*.com", "www.example.com", false, false},
        {"*", "example.com", false, false},
        {"*", "com", true, true},
        {"*.example.com", "www.example.com", true, true},
        {"*.www.example.com", "www.example.com", true, false},
        {"*.example.com", "a.www.example.com", false, false},
        {"notexample.com", "example.com", false, false},
        {"example.com.evil.org", "example.com", false, false},
        {"com", "example.com", false, false},
        {"example.org", "example.com", false, false},
        {"?.example.com", "www.example.com", true, true},
        {"?.example.com", "example.com", true, false},
        {"www.?.com", "example.com", true, false},
        {"www.?.com", "www.example.com", true, true},
        {"www.?.com", "mail.example.com", false, false},
        {"example.?", "example.com", true, true},
        {"?.?", "example.com", true, true},
        {"?.?", "www.example.com", false, false},
        {"?", "a.b.c.example.com", true, true},         /* nothing of it could be read: it may be anybody's */
        {"www.*.com", "www.example.com", false, false}, /* a star counts in front only */
    };
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct span name = span_str(table[i].name), watched = span_str(table[i].watched);
        if (dns_covers(name, watched, true) != table[i].subtree ||
            dns_covers(name, watched, false) != table[i].exact)
            print_error("%s over %s\n", table[i].name, table[i].watched);
        assert_int_equal(dns_covers(name, watched, true), table[i].subtree);
        assert_int_equal(dns_covers(name, watched, false), table[i].exact);
    }
}

/* Not a benchmark, a tripwire: an accidental copy or lookup in the path of every name would be seen. */
static void the_usual_name_is_quick(void **state)
{
    struct arena arena;
    struct dns_reading got[DNS_READINGS_MAX];
    struct span name = SPAN_LIT("autodiscover.mail.example-shop.com");
    size_t labels = 0;
    (void)state;
    assert_true(arena_init(&arena, 4096));
    int64_t begin_ns = clock_mono_ns();
    for (int i = 0; i < 1000000; i++)
        labels += dns_read(name, &arena, got);
    int64_t read_ns = clock_mono_ns() - begin_ns;
    begin_ns = clock_mono_ns();
    for (int i = 0; i < 1000000; i++)
        labels += dns_apex(name).len;
    int64_t apex_ns = clock_mono_ns() - begin_ns;
    print_message("dns_read %" PRId64 " ns, dns_apex %" PRId64 " ns (%zu)\n", read_ns / 1000000,
                  apex_ns / 1000000, labels);
    assert_int_equal(arena_mark(&arena), 0);
    assert_true(read_ns < INT64_C(2000) * 1000000);
    assert_true(apex_ns < INT64_C(4000) * 1000000);
    arena_fini(&arena);
}

static int load_list(void **state)
{
    struct err why = {0};
    (void)state;
    if (dns_psl_load(SPAN_NONE, &why) == ERR_OK)
        return 0;
    print_error("%s\n", why.text);
    return 1;
}

static void for_eyes(void **state)
{
    static const struct {
        const char *text, *unicode;
    } table[] = {
        {"example.com", "example.com"},
        {"*.xn--bcher-kva.example", "*.b\xc3\xbc"
                                    "cher.example"},
        {"xn--fa-hia.de", "fa\xc3\x9f.de"},
        {"xn--4gbrim.xn----ymcbaaajlc6dj7bxne2c.xn--wgbh1c",
         "\xd9\x85\xd9\x88\xd9\x82\xd8\xb9.\xd9\x88\xd8\xb2\xd8\xa7\xd8\xb1\xd8\xa9-"
         "\xd8\xa7\xd9\x84\xd8\xa7\xd8\xaa\xd8\xb5\xd8\xa7\xd9\x84\xd8\xa7\xd8\xaa.\xd9\x85\xd8\xb5\xd8\xb1"},
        {"?.xn--tda.example", "?.\xc3\xbc.example"},
        /* what stands for no U-label, or for another label */
        {"xn--a.example", "xn--a.example"},
        {"xn--0.xn--", "xn--0.xn--"},
        {"xn--abc-.example", "xn--abc-.example"},
        {"xn--bcher-KVA.example", "xn--bcher-KVA.example"},
        {"", ""},
        {"?", "?"},
    };
    char out[DNS_UNICODE_MAX];
    char label[80] = "xn--";
    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        assert_int_equal(dns_unicode(span_str(table[i].text), out), strlen(table[i].unicode));
        assert_string_equal(out, table[i].unicode);
    }
    memset(label + 4, 'a', 70);
    assert_int_equal(dns_unicode(span_of(label, 74), out), 74);
    assert_memory_equal(out, label, 74);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reading),      cmocka_unit_test(too_long_or_no_room_is_the_placeholder),
        cmocka_unit_test(what_users_type),    cmocka_unit_test(for_eyes),
        cmocka_unit_test(reverse_and_count),  cmocka_unit_test(registrable_domains),
        cmocka_unit_test(what_a_name_covers), cmocka_unit_test(the_usual_name_is_quick),
    };
    return cmocka_run_group_tests(tests, load_list, NULL);
}
