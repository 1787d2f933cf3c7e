#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/dns.h"
#include "parser/names.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

struct expected {
    enum name_kind kind;
    const char *text; /* NULL: not compared */
    uint32_t flags;
};

static struct arena arena;

static size_t collect(const char *file, struct name **names, struct finding_set *findings)
{
    struct span der = sample_load(file);
    struct cert cert;
    size_t count;

    *findings = (struct finding_set){{0, 0}};
    (void)tbs_read_certificate(arena_copy(&arena, der), &cert);
    names_collect(&cert, &arena, names, &count, findings);
    sample_free(der);
    return count;
}

static void compare(const char *file, const struct expected *expected, size_t expected_count)
{
    struct finding_set findings;
    struct name *names;
    size_t count = collect(file, &names, &findings);

    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(names[i].kind, expected[i].kind);
        assert_int_equal(names[i].flags, expected[i].flags);
        if (expected[i].text != NULL && !span_eq(names[i].text, span_str(expected[i].text)))
            fail_msg("%s: name %zu is not %s", file, i, expected[i].text);
    }
}

static void test_plain(void **state)
{
    static const struct expected expected[] = {
        {NAME_DNS, "www.example.org", 0},
        {NAME_DNS, "*.example.org", NAME_WILDCARD},
    };

    (void)state;
    compare("tbs/plain.der", expected, countof(expected));
}

static void test_cn(void **state)
{
    static const struct expected expected[] = {{NAME_DNS, "www.example.org", NAME_FROM_CN}};
    struct finding_set findings;
    struct name *names;

    (void)state;
    compare("tbs/v1.der", expected, countof(expected));
    (void)collect("tbs/v1.der", &names, &findings);
    assert_true(finding_has(&findings, FINDING_CN_NOT_IN_SAN));
    assert_true(span_eq(names[0].apex, SPAN_LIT("example.org")));
}

static void test_kinds(void **state)
{
    unsigned kinds[NAME_OTHER + 1] = {0};
    struct finding_set findings;
    struct name *names;
    size_t count = collect("tbs/kinds.der", &names, &findings);
    bool email = false;
    bool address = false;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        kinds[names[i].kind]++;
        email = email || span_eq(names[i].text, SPAN_LIT("user@example.org"));
        address = address || (names[i].flags == NAME_FROM_IP_TEXT &&
                              span_eq(names[i].raw, SPAN_LIT("\xc0\x00\x02\x01")));
    }
    assert_int_equal(kinds[NAME_DNS], 1);
    assert_int_equal(kinds[NAME_IP], 3);
    assert_int_equal(kinds[NAME_EMAIL], 1);
    assert_int_equal(kinds[NAME_URI], 1);
    assert_int_equal(kinds[NAME_DIRECTORY], 1);
    assert_int_equal(kinds[NAME_OTHER], 2);
    assert_true(email && address);
    assert_true(finding_has(&findings, FINDING_SAN_IP_TEXT));
    assert_true(finding_has(&findings, FINDING_NAME_UNCLEAN));
}

static void test_damage_is_a_placeholder(void **state)
{
    static const char *const files[] = {"tbs/badsan.der", "tbs/cut.der"};

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct finding_set findings;
        struct name *names;
        size_t count = collect(files[i], &names, &findings);
        bool placeholder = false;
        for (size_t k = 0; k < count; k++)
            placeholder = placeholder ||
                          ((names[k].flags & NAME_PLACEHOLDER) != 0 && span_eq(names[k].text, SPAN_LIT("?")));
        assert_true(placeholder);
    }
}

/* A block of extensions that can not be opened: the names are lost, and everything that asks is told so. */
static void test_lost_extensions(void **state)
{
    static const struct {
        int at; /* from the tag of the list on */
        uint8_t byte;
    } rows[] = {
        {0, 0x31}, /* holds a SET */
        {1, 0x84}, /* the length of the list has four octets, the first of them huge */
        {-1, 0},   /* the length of [3] lies beyond the TBSCertificate; made from what is there */
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct span der = sample_load("tbs/plain.der");
        struct finding_set findings = {{0, 0}};
        struct cert cert;
        struct name *names;
        size_t count;
        assert_true(tbs_read_certificate(der, &cert));
        assert_true(cert.exts_outer.at[1] == 0x81 && cert.exts_outer.at[3] == 0x30);
        uint8_t *list = (uint8_t *)(uintptr_t)cert.exts_outer.at + 3;
        list[rows[i].at] = rows[i].at < 0 ? (uint8_t)(list[-1] + 1) : rows[i].byte;
        (void)tbs_read_certificate(der, &cert);
        assert_true(finding_has(&cert.findings, FINDING_EXTENSION_UNREADABLE));
        assert_null(cert.exts.at);
        names_collect(&cert, &arena, &names, &count, &findings);
        assert_true(finding_names_lost(&findings));
        assert_true(count >= 1 && span_eq(names[0].text, SPAN_LIT("?")));
        sample_free(der);
    }
}

static bool lists(const struct name *names, size_t count, struct span text)
{
    for (size_t i = 0; i < count; i++) {
        if (span_eq(names[i].text, text))
            return true;
    }
    return false;
}

/* Of a certificate that is cut off the names in front of the cut are found, and the placeholder. */
static void test_every_cut(void **state)
{
    struct span der = sample_load("tbs/plain.der");
    struct finding_set findings = {{0, 0}};
    struct cert cert;
    struct name *names;
    size_t count;

    (void)state;
    assert_true(tbs_read_certificate(der, &cert));
    names_collect(&cert, &arena, &names, &count, &findings);
    assert_true(count == 2 && span_eq(names[1].text, SPAN_LIT("*.example.org")));
    size_t end = (size_t)(names[1].raw.at - der.at) + names[1].raw.len;
    size_t usage_end = (size_t)(cert.key_usage.at - der.at) + cert.key_usage.len;
    for (size_t len = 0; len < der.len; len++) {
        struct span part = arena_copy(&arena, span_of(der.at, len));
        assert_false(tbs_read_certificate(part, &cert));
        names_collect(&cert, &arena, &names, &count, &findings);
        assert_true(lists(names, count, SPAN_LIT("?")));
        assert_int_equal(lists(names, count, SPAN_LIT("*.example.org")), len >= end);
        assert_int_equal(cert.key_usage_bits, len >= usage_end ? 0x8000 : 0);
    }
    sample_free(der);
}

/* Extensions under a tag in its long form are extensions. */
static void test_long_tags(void **state)
{
    static const struct expected expected[] = {
        {NAME_DNS, "www.example.org", 0},
        {NAME_DNS, "*.example.org", NAME_WILDCARD},
    };

    (void)state;
    compare("tbs/exts_hightag.der", expected, countof(expected));
    compare("tbs/exts_hightag_padded.der", expected, countof(expected));
    compare("tbs/all_hightag.der", expected, countof(expected));
}

/* What stands in the place of the extensions, or beside them, could hold names. */
static void test_elements_beside_the_extensions(void **state)
{
    static const char *const files[] = {"tbs/exts_four.der", "tbs/exts_primitive.der", "tbs/exts_twice.der",
                                        "tbs/exts_then_null.der"};

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct finding_set findings;
        struct name *names;
        size_t count = collect(files[i], &names, &findings);
        assert_true(lists(names, count, SPAN_LIT("?")));
        assert_true(finding_names_lost(&findings));
    }
}

/* A common name sent in parts, which others join: the placeholder, and never the parts. */
static void test_parts(void **state)
{
    static const char *const files[] = {"tbs/cn_parts.der", "tbs/cn_parts_nested.der",
                                        "tbs/cn_parts_letters.der"};

    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct finding_set findings;
        struct name *names;
        size_t count = collect(files[i], &names, &findings);
        assert_int_equal(count, 3);
        assert_true(lists(names, count, SPAN_LIT("www.example.org")));
        assert_true(lists(names, count, SPAN_LIT("?")));
        assert_true(finding_has(&findings, FINDING_NAME_UNREADABLE));
    }
}

/* The form of lengths and tags inside the names is remarked, in dNSNames and in the subject. */
static void test_odd_lengths(void **state)
{
    static const struct {
        struct span san;
        struct span subject;
        enum finding finding;
    } rows[] = {
        {SPAN_LIT("\x30\x81\x05\x82\x03"
                  "a.b"),
         SPAN_LIT(""), FINDING_DER_LENGTH_NOT_MINIMAL},
        {SPAN_LIT("\x30\x06\x82\x81\x03"
                  "a.b"),
         SPAN_LIT(""), FINDING_DER_LENGTH_NOT_MINIMAL},
        {SPAN_LIT("\x30\x09\xa0\x80\x00\x00\x82\x03"
                  "a.b"),
         SPAN_LIT(""), FINDING_BER_INDEFINITE},
        {SPAN_LIT("\x30\x06\x9f\x02\x03"
                  "a.b"),
         SPAN_LIT(""), FINDING_DER_TAG_LONG},
        {SPAN_LIT(""),
         SPAN_LIT("\x30\x10\x31\x0e\x30\x0c\x06\x03\x55\x04\x03\x0c\x82\x00\x03"
                  "a.b"),
         FINDING_DER_LENGTH_NOT_MINIMAL},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct cert cert = {.san = rows[i].san, .subject = rows[i].subject};
        struct finding_set findings = {{0, 0}};
        struct name *names;
        size_t count;
        if (cert.san.len == 0)
            cert.san = SPAN_NONE;
        if (cert.subject.len == 0)
            cert.subject = SPAN_NONE;
        names_collect(&cert, &arena, &names, &count, &findings);
        assert_true(lists(names, count, SPAN_LIT("a.b")));
        assert_true(finding_has(&findings, rows[i].finding));
        assert_false(finding_names_lost(&findings));
    }
}

/* An extension that can not be read and is not a SAN loses no name. */
static void test_unreadable_extension(void **state)
{
    struct span der = sample_load("tbs/plain.der");
    struct finding_set findings = {{0, 0}};
    struct cert cert;
    struct name *names;
    size_t count;

    (void)state;
    assert_true(tbs_read_certificate(der, &cert) && cert.ski.at != NULL);
    ((uint8_t *)(uintptr_t)cert.ski.at)[-2] = 0x05;
    assert_true(tbs_read_certificate(der, &cert));
    assert_true(finding_has(&cert.findings, FINDING_EXTENSION_UNREADABLE));
    names_collect(&cert, &arena, &names, &count, &findings);
    assert_int_equal(count, 2);
    assert_false(finding_names_lost(&findings));
    sample_free(der);
}

/* The domain of a mail address is a name of a host: it is found whatever way it is written in. */
static void test_mail(void **state)
{
    static const struct {
        struct span raw;
        const char *text;
        const char *reading; /* NULL: there is but one */
    } rows[] = {
        {SPAN_LIT("joe@example.org"), "joe@example.org", NULL},
        {SPAN_LIT("a@b@Example.com."), "a@b@example.com", NULL},
        {SPAN_LIT("Bob <bob@Example.com>"), "bob@example.com", NULL},
        {SPAN_LIT(" bob@example.com\n"), "bob@example.com", NULL},
        {SPAN_LIT("x@ex\xc3\xa4mple.com"), "x@xn--exmple-cua.com", NULL},
        {SPAN_LIT("x@example.com\0.example.net"), "x@example.com", "x@example.?.example.net"},
        {SPAN_LIT("x@example.com\0@example.net"), "x@example.com\\x00@example.net", "x@example.com"},
        {SPAN_LIT("a b@example.com"), "a\\x20b@example.com", NULL},
        {SPAN_LIT("x@a..b"), "x@a.?.b", NULL},
        {SPAN_LIT("x@[192.0.2.1]"), "x@[192.0.2.1]", NULL},
        {SPAN_LIT("x@192.0.2.1"), "x@192.0.2.1", NULL},
        {SPAN_LIT("Nobody"), "nobody", NULL},
        {SPAN_LIT("<>"), "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t san[64] = {0x30, (uint8_t)(rows[i].raw.len + 2), 0x81, (uint8_t)rows[i].raw.len};
        memcpy(san + 4, rows[i].raw.at, rows[i].raw.len);
        struct cert cert = {.san = arena_copy(&arena, span_of(san, rows[i].raw.len + 4))};
        struct finding_set findings = {{0, 0}};
        struct name *names;
        size_t count;
        names_collect(&cert, &arena, &names, &count, &findings);
        assert_int_equal(count, rows[i].reading == NULL ? 1 : 2);
        assert_true(span_eq(names[0].text, span_str(rows[i].text)) && span_eq(names[0].raw, rows[i].raw));
        assert_true(names[0].kind == NAME_EMAIL && names[0].flags == 0);
        assert_true(count == 1 || (span_eq(names[1].text, span_str(rows[i].reading)) &&
                                   names[1].kind == NAME_EMAIL && names[1].flags == NAME_READING));
    }
}

static void test_no_memory_is_a_placeholder(void **state)
{
    struct span san = sample_load("names/san_only");
    struct cert cert = {.san = san};

    (void)state;
    for (size_t ceiling = 0; ceiling < 1200; ceiling += 8) {
        struct finding_set findings = {{0, 0}};
        struct arena little;
        struct name *names;
        size_t count;
        assert_true(arena_init(&little, ceiling));
        names_collect(&cert, &little, &names, &count, &findings);
        if (finding_has(&findings, FINDING_NAMES_TRUNCATED))
            assert_true(count != 0 && span_eq(names[count - 1].text, SPAN_LIT("?")));
        else
            assert_int_equal(count, 8);
        arena_fini(&little);
    }
    sample_free(san);
}

/* 20,000 names, each twice: as many come out as there are different ones, in reasonable time. */
static void test_many(void **state)
{
    enum { COUNT = 20000, EACH = 15 };
    uint8_t *value = malloc(2 * COUNT * EACH + 8);
    struct finding_set findings = {{0, 0}};
    size_t len = 6;
    struct name *names;
    size_t count;

    (void)state;
    assert_non_null(value);
    for (int i = 0; i < 2 * COUNT; i++) {
        value[len] = 0x82;
        value[len + 1] = EACH - 2;
        char text[16];
        assert_int_equal(snprintf(text, sizeof text, "a%05d.ab.com", i % COUNT), EACH - 2);
        memcpy(value + len + 2, text, EACH - 2);
        len += EACH;
    }
    size_t content = len - 6;
    const uint8_t head[6] = {0x30,
                             0x84,
                             (uint8_t)(content >> 24),
                             (uint8_t)(content >> 16),
                             (uint8_t)(content >> 8),
                             (uint8_t)content};
    memcpy(value, head, sizeof head);
    struct cert cert = {.san = {value, len}};
    names_collect(&cert, &arena, &names, &count, &findings);
    assert_int_equal(count, COUNT);
    assert_false(finding_has(&findings, FINDING_NAMES_TRUNCATED));
    free(value);
}

static bool has_dns(const struct name *names, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].kind == NAME_DNS && span_eq(names[i].text, span_str(text)))
            return true;
    }
    return false;
}

static size_t collect_cn(struct span cn, uint8_t subject[128], struct name **names,
                         struct finding_set *findings)
{
    const uint8_t head[] = {0x30,           (uint8_t)(cn.len + 11),
                            0x31,           (uint8_t)(cn.len + 9),
                            0x30,           (uint8_t)(cn.len + 7),
                            0x06,           3,
                            0x55,           0x04,
                            0x03,           0x0c,
                            (uint8_t)cn.len};
    size_t count;

    must(cn.len < 0x80 - 11);
    memcpy(subject, head, sizeof head);
    if (cn.len != 0)
        memcpy(subject + sizeof head, cn.at, cn.len);
    struct cert cert = {.subject = {subject, sizeof head + cn.len}};
    *findings = (struct finding_set){{0, 0}};
    names_collect(&cert, &arena, names, &count, findings);
    return count;
}

/* A subject with one common name, and what comes of it. */
static void test_common_names(void **state)
{
    static const struct {
        struct span cn;
        enum name_kind kind;
        const char *text;
    } rows[] = {
        {{(const uint8_t *)"Example Root CA 3", 17}, NAME_OTHER, NULL},
        {{(const uint8_t *)"host.example.com", 16}, NAME_DNS, "host.example.com"},
        {{(const uint8_t *)" Host.example.com. ", 19}, NAME_DNS, "host.example.com"},
        {{(const uint8_t *)"localhost", 9}, NAME_DNS, "localhost"},
        {{(const uint8_t *)"user@example.com", 16}, NAME_EMAIL, "user@example.com"},
        {{(const uint8_t *)"192.0.2.1", 9}, NAME_IP, ""},
        {{(const uint8_t *)"a\0b.com", 7}, NAME_DNS, "a"},
        {{(const uint8_t *)"(R)", 3}, NAME_OTHER, NULL},
        {{(const uint8_t *)"w*.example.com", 14}, NAME_DNS, "?.example.com"},
        /* The dots of UTS #46, and letters that map to ASCII. */
        {{(const uint8_t *)"www\xe3\x80\x82victim\xe3\x80\x82"
                           "com",
          18},
         NAME_DNS,
         "www.victim.com"},
        {{(const uint8_t *)"www\xef\xbc\x8evictim.com", 16}, NAME_DNS, "www.victim.com"},
        {{(const uint8_t *)"victim\xef\xbd\xa1"
                           "com",
          12},
         NAME_DNS,
         "victim.com"},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t subject[128];
        struct finding_set findings;
        struct name *names;
        size_t count = collect_cn(rows[i].cn, subject, &names, &findings);
        assert_true(count >= 1);
        if (names[0].kind != rows[i].kind)
            fail_msg("row %zu is of kind %d", i, names[0].kind);
        assert_true((names[0].flags & NAME_FROM_CN) != 0);
        if (rows[i].text != NULL && !span_eq(names[0].text, span_str(rows[i].text)))
            fail_msg("row %zu", i);
    }
}

/* Several words in one common name: those that could be hosts are names, the text is kept whole, and nothing
 * of it is everybody's name. */
static void test_words_of_common_names(void **state)
{
    static const struct {
        const char *cn;
        const char *names[4]; /* DNS names, all of them */
        unsigned others;      /* addresses and mail addresses beside them */
    } rows[] = {
        {"victim.com www.victim.com", {"victim.com", "www.victim.com"}, 0},
        {"victim.com,www.victim.com", {"victim.com", "www.victim.com"}, 0},
        {"victim.com; *.victim.com", {"victim.com", "*.victim.com"}, 0},
        {"victim.com\twww.victim.com", {"victim.com", "www.victim.com"}, 0},
        {"evil.org\xe3\x80\x80victim\xe3\x80\x82"
         "com",
         {"evil.org", "victim.com"},
         0},
        {"evil.org\xc2\xa0victim.com", {"evil.org", "victim.com"}, 0},
        {"Victim Shop (https://www.Victim.com/login)", {"www.victim.com"}, 0},
        {"victim.com,", {"victim.com"}, 0},
        {"(victim.com)", {"victim.com"}, 0},
        {"server w*.victim.com", {"?.victim.com"}, 0},
        {"server 192.0.2.1 and [2001:db8::1]", {NULL}, 2},
        {"Doe, John <john@victim.com>", {NULL}, 1},
        {"Example Inc. Root CA 2.0", {NULL}, 0},
        {"Example CA - G2", {NULL}, 0},
        {"no names, (.) here. ... ", {NULL}, 0},
        {"broken !.$ words", {NULL}, 0},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t subject[128];
        struct finding_set findings;
        struct name *names;
        size_t count = collect_cn(span_str(rows[i].cn), subject, &names, &findings);
        size_t wanted = 1 + rows[i].others;
        assert_int_equal(names[0].kind, NAME_OTHER);
        assert_true(span_eq(names[0].raw, span_str(rows[i].cn)));
        for (size_t k = 0; k < countof(rows[i].names) && rows[i].names[k] != NULL; k++, wanted++) {
            if (!has_dns(names, count, rows[i].names[k]))
                fail_msg("%s: %s is missing", rows[i].cn, rows[i].names[k]);
        }
        if (count != wanted)
            fail_msg("%s: %zu names", rows[i].cn, count);
    }
}

/* The same trick in a dNSName: each word is a name. The whole is one, too, with a label that could be
 * anything, unless all the words can be read. */
static void test_words_of_alternative_names(void **state)
{
    static const struct {
        const char *value;
        size_t len;
        const char *names[4]; /* in order */
    } rows[] = {
#define ROW(text, ...)                                                                                       \
    {                                                                                                        \
        text, sizeof(text) - 1,                                                                              \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
        ROW("victim.com, evil.org.", "victim.com", "evil.org"),
        ROW("www.wild.example,foo.bar", "www.wild.example", "foo.bar"),
        ROW("WWW.a.com;*.b.org;c.net", "www.a.com", "*.b.org", "c.net"),
        ROW("a.com,b\xff.org", "?", "a.com"),
        ROW("a.com,", "a.?", "a.com"),
        ROW("a.com,inc", "a.?", "a.com"),
        ROW("a.com,w*.b.org", "a.?.b.org", "a.com", "?.b.org"),
        ROW("a.com,b.org\0.c.net", "?"),
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        uint8_t san[64] = {0x30, (uint8_t)(rows[i].len + 2), 0x82, (uint8_t)rows[i].len};
        struct cert cert = {.san = {san, rows[i].len + 4}};
        struct finding_set findings = {{0, 0}};
        struct name *names;
        size_t count;
        bool list;

        memcpy(san + 4, rows[i].value, rows[i].len);
        names_collect(&cert, &arena, &names, &count, &findings);
        /* Odd in any case, and the value stands beside its first name. */
        assert_true(finding_has(&findings, FINDING_NAME_LABEL_UNREADABLE));
        assert_true((names[0].flags & NAME_READING) == 0);
        assert_true(span_eq(names[0].raw, span_of(san + 4, rows[i].len)));
        list = (names[0].flags & NAME_PLACEHOLDER) == 0;
        if (list != (i < 3))
            fail_msg("%s: first name %.*s", rows[i].value, (int)names[0].text.len,
                     (const char *)names[0].text.at);
        for (size_t k = 0; k < countof(rows[i].names) && rows[i].names[k] != NULL; k++) {
            if (list && (k >= count || !span_eq(names[k].text, span_str(rows[i].names[k]))))
                fail_msg("%s: name %zu", rows[i].value, k);
            if (k != 0 && !has_dns(names, count, rows[i].names[k]))
                fail_msg("%s: %s is missing", rows[i].value, rows[i].names[k]);
            assert_true(k == 0 || (names[k].flags & NAME_READING) != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_cn),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_damage_is_a_placeholder),
        cmocka_unit_test(test_lost_extensions),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_long_tags),
        cmocka_unit_test(test_elements_beside_the_extensions),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_odd_lengths),
        cmocka_unit_test(test_unreadable_extension),
        cmocka_unit_test(test_mail),
        cmocka_unit_test(test_no_memory_is_a_placeholder),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_common_names),
        cmocka_unit_test(test_words_of_common_names),
        cmocka_unit_test(test_words_of_alternative_names),
    };

    must(arena_init(&arena, 64u << 20) && dns_psl_load(SPAN_LIT("com\norg\n"), NULL) == ERR_OK);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return result;
}
