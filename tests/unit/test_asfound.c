/* Which names of a certificate are kept as they stand there: exactly those that their normal form does not
 * tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/dns.h"
#include "base/text.h"
#include "parser/asfound.h"
#include "parser/names.h"

#define NAMES_MAX 4

struct row {
    struct {
        uint8_t tag; /* 0x82 dNSName, 0x81 rfc822Name, 0x87 iPAddress, 0x86 URI, 0x0c common name */
        struct span value;
    } names[NAMES_MAX];
    const char *found; /* visible, parted by "|" */
};

#define DNS(text)                                                                                            \
    {                                                                                                        \
        0x82, SPAN_LIT(text)                                                                                 \
    }
#define MAIL(text)                                                                                           \
    {                                                                                                        \
        0x81, SPAN_LIT(text)                                                                                 \
    }
#define CN(text)                                                                                             \
    {                                                                                                        \
        0x0c, SPAN_LIT(text)                                                                                 \
    }

static const struct row rows[] = {
    {{DNS("a.example.com"), DNS("*.example.com"), DNS("WWW.Example.COM"), DNS("x_y.example")}, ""},
    {{DNS("=cmd()|x")}, "dns =cmd()|x"},
    {{DNS("a b"), DNS("c d"), DNS("example.com")}, "dns a b|dns c d"},
    {{DNS("?")}, "dns ?"},
    {{DNS("\"x\".com"), DNS("w*.example.com")}, "dns \"x\".com|dns w*.example.com"},
    {{DNS("example.com\0.evil.test")}, "dns example.com\\x00.evil.test"},
    {{DNS("\xff\xfe.example.com")}, "dns \\xff\\xfe.example.com"},
    {{DNS("b\xc3\xbc"
          "cher.example")},
     "dns b\xc3\xbc"
     "cher.example"},
    {{DNS("example.com"), DNS("example.com."), DNS(" example.com"), DNS("http://example.com/")},
     "dns example.com.|dns  example.com|dns http://example.com/"},
    {{DNS("")}, "dns "},
    {{DNS("192.0.2.1"), DNS("a.2")}, "dns 192.0.2.1"},
    {{DNS("back\\slash.example.com")}, "dns back\\\\slash.example.com"},
    {{MAIL("Joe@Example.com"), MAIL("joe@[192.0.2.1]"), MAIL("no-at")}, ""},
    {{MAIL("a b@example.com"), MAIL("Joe <joe@example.com>"), MAIL("joe@x y"), MAIL("\0@x.test")},
     "email a b@example.com|email Joe <joe@example.com>|email joe@x y|email \\x00@x.test"},
    {{{0x87, SPAN_LIT("\xc0\x00\x02\x01")}, {0x87, SPAN_LIT("\x01\x02\x03")}, {0x87, SPAN_LIT("")}},
     "ip \\x01\\x02\\x03|ip "},
    {{{0x86, SPAN_LIT("https://\xff\0/")}}, ""},
    {{CN("Only \xff One")}, ""},
    {{CN("Some text"), CN("www.example.com"), CN("last one")}, "cn Some text"},
};

static void put_cn(struct buf *out, struct span value)
{
    static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x04, 0x03};
    buf_byte(out, 0x31);
    buf_byte(out, (uint8_t)(value.len + 9));
    buf_byte(out, 0x30);
    buf_byte(out, (uint8_t)(value.len + 7));
    buf_put(out, span_of(oid, sizeof oid));
    buf_byte(out, 0x0c);
    buf_byte(out, (uint8_t)value.len);
    buf_put(out, value);
}

/* The alternative names and the subject of a row, each a SEQUENCE. */
static void make(const struct row *row, struct buf *san, struct buf *subject)
{
    struct buf in[2];
    buf_init(&in[0], 1024);
    buf_init(&in[1], 1024);
    for (size_t i = 0; i < NAMES_MAX && row->names[i].tag != 0; i++) {
        struct span value = row->names[i].value;
        if (row->names[i].tag == 0x0c) {
            put_cn(&in[1], value);
            continue;
        }
        buf_byte(&in[0], row->names[i].tag);
        buf_byte(&in[0], (uint8_t)value.len);
        buf_put(&in[0], value);
    }
    for (int i = 0; i < 2; i++) {
        struct buf *out = i == 0 ? san : subject;
        assert_in_range(in[i].len, 0, 127);
        buf_byte(out, 0x30);
        buf_byte(out, (uint8_t)in[i].len);
        buf_put(out, buf_span(&in[i]));
        buf_fini(&in[i]);
    }
}

static void show(struct buf *out, const struct name *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool cn = (found[i].flags & NAME_FROM_CN) != 0;
        buf_fmt(out, "%s%s ", i == 0 ? "" : "|", cn ? "cn" : name_kind_name(found[i].kind));
        text_visible(out, found[i].raw);
    }
}

static void what_the_normal_form_does_not_tell(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf san;
        struct buf subject;
        struct buf shown;
        struct arena arena;
        struct finding_set findings = {{0, 0}};
        struct name *names;
        struct name *found;
        size_t count;
        size_t found_count;
        buf_init(&san, 1024);
        buf_init(&subject, 1024);
        buf_init(&shown, 4096);
        assert_true(arena_init(&arena, 1u << 20));
        make(&rows[i], &san, &subject);
        struct cert cert = {.san = buf_span(&san), .subject = buf_span(&subject)};
        names_collect(&cert, &arena, &names, &count, &findings);
        asfound_collect(&cert, names, count, &arena, &found, &found_count, &findings);
        show(&shown, found, found_count);
        assert_string_equal(buf_text(&shown), rows[i].found);
        for (size_t k = 0; k < found_count; k++)
            assert_true(found[k].text.len == 0);
        buf_fini(&san);
        buf_fini(&subject);
        buf_fini(&shown);
        arena_fini(&arena);
    }
}

/* Without room nothing is passed over in silence: the entry is read again where there is more. */
static void a_full_arena_is_said(void **state)
{
    static const struct row row = {{DNS("=cmd()|x"), DNS("a b")}, ""};
    struct name placeholder = {.kind = NAME_DNS, .raw = SPAN_LIT("a b"), .text = SPAN_LIT("?")};
    struct finding_set findings = {{0, 0}};
    struct buf san;
    struct buf subject;
    struct arena arena;
    struct name *found;
    size_t count;
    (void)state;
    buf_init(&san, 1024);
    buf_init(&subject, 1024);
    make(&row, &san, &subject);
    struct cert cert = {.san = buf_span(&san), .subject = buf_span(&subject)};
    assert_true(arena_init(&arena, 4096));
    assert_non_null(arena_take(&arena, 4096 - sizeof(struct name), 1));
    asfound_collect(&cert, &placeholder, 1, &arena, &found, &count, &findings);
    assert_int_equal(count, 0);
    assert_true(finding_has(&findings, FINDING_NAMES_TRUNCATED));
    arena_fini(&arena);
    buf_fini(&san);
    buf_fini(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_normal_form_does_not_tell),
        cmocka_unit_test(a_full_arena_is_said),
    };
    must(dns_psl_load(SPAN_LIT("com\ntest\nexample\n"), NULL) == ERR_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
