#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/dns.h"
#include "base/text.h"
#include "cli/certfile.h"
#include "cli/certhuman.h"
#include "cli/pem.h"
#include "tests/unit/sample.h"

#define NOW_S 1795262400 /* 2026-11-21T12:00:00Z */
#define MOST  (1u << 26)

static struct arena arena;

struct printing {
    struct certhuman how;
    struct buf out;
};

static void show(void *arg, const struct certview *view)
{
    struct printing *printing = arg;

    certhuman_text(view, &printing->how, &printing->out);
}

/* The text of tests/golden/NAME, as a file of that name; what can not be read of it does not matter here. */
static struct printing print_bytes(const char *name, struct span bytes, struct certhuman how)
{
    struct printing printing = {.how = how};
    uint8_t *copy = arena_take(&arena, bytes.len + ARENA_PADDING, 1);
    struct err why = {0};

    assert_non_null(copy);
    memcpy(copy, bytes.at, bytes.len);
    buf_init(&printing.out, MOST);
    assert_int_equal(certfile_walk(name, span_of(copy, bytes.len), &arena, show, &printing, &why), ERR_OK);
    assert_true(buf_ok(&printing.out) && printing.out.len != 0);
    arena_reset(&arena, 0);
    return printing;
}

static struct printing print_file(const char *name, struct certhuman how)
{
    char path[64];

    (void)snprintf(path, sizeof path, "../golden/%s", name);
    struct span bytes = sample_load(path);
    struct printing printing = print_bytes(name, bytes, how);
    sample_free(bytes);
    return printing;
}

static void write_golden(const char *path, struct span text)
{
    const char *source = getenv("CTVIGIL_SOURCE");
    char full[4096];

    (void)snprintf(full, sizeof full, "%s/tests/corpus/%s", source != NULL ? source : ".", path);
    FILE *file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static const char *const files[] = {"root.pem",    "server.pem",  "precert.pem", "mail.pem",
                                    "hostile.pem", "damaged.pem", "entries.json"};

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        char path[64];
        struct printing printing = print_file(files[i], (struct certhuman){.now_s = NOW_S});
        (void)snprintf(path, sizeof path, "../golden/%.*s.txt", (int)strcspn(files[i], "."), files[i]);
        if (getenv("CTVIGIL_GOLDEN_WRITE") != NULL)
            write_golden(path, buf_span(&printing.out));
        struct span expected = sample_load(path);
        if (!span_eq(buf_span(&printing.out), expected))
            fail_msg("%s:\n%s", path, buf_text(&printing.out));
        sample_free(expected);
        buf_fini(&printing.out);
    }
}

/* Colours are the only control bytes, and without them the text is the same. */
static void test_color(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(files); i++) {
        struct printing plain = print_file(files[i], (struct certhuman){.now_s = NOW_S});
        struct printing color = print_file(files[i], (struct certhuman){.now_s = NOW_S, .color = true});
        struct buf stripped;
        size_t escapes = 0;

        buf_init(&stripped, MOST);
        for (size_t at = 0; at < color.out.len; at++) {
            if (color.out.at[at] != 0x1b) {
                buf_byte(&stripped, color.out.at[at]);
                continue;
            }
            escapes++;
            assert_int_equal(color.out.at[at + 1], '[');
            while (color.out.at[at] != 'm') {
                at++;
                assert_true(at < color.out.len);
            }
        }
        assert_true(escapes != 0 && escapes % 2 == 0);
        assert_true(span_eq(buf_span(&stripped), buf_span(&plain.out)));
        for (size_t at = 0; at < plain.out.len; at++)
            assert_true(plain.out.at[at] >= 0x20 || plain.out.at[at] == '\n');
        assert_true(text_is_utf8(buf_span(&plain.out)));
        buf_fini(&stripped);
        buf_fini(&plain.out);
        buf_fini(&color.out);
    }
}

struct moment {
    int64_t now_s;
    const char *said;
};

/* The certificate of server.pem begins on 2026-09-01 and ends with 2027-03-15. */
static void test_moments(void **state)
{
    static const struct moment moments[] = {
        {1788220800 - 1, "certificate, not valid before 1 second from now\n"},
        {1788220800 - 119, "certificate, not valid before 119 seconds from now\n"},
        {1788220800, "certificate, valid for 195 days more\n"},
        {1805155199, "certificate, valid for 0 seconds more\n"},
        {1805155200, "certificate, expired 1 second ago\n"},
        {1805155200 + 86400, "certificate, expired 24 hours ago\n"},
        {1805155200 + 3 * 86400, "certificate, expired 3 days ago\n"},
        {1805155200 + 729 * INT64_C(86400), "certificate, expired 729 days ago\n"},
        {1805155200 + 1000 * INT64_C(86400), "certificate, expired 2 years ago\n"},
    };

    (void)state;
    for (size_t i = 0; i < countof(moments); i++) {
        struct printing printing = print_file("server.pem", (struct certhuman){.now_s = moments[i].now_s});
        if (strstr(buf_text(&printing.out), moments[i].said) == NULL)
            fail_msg("not said: %s%s", moments[i].said, buf_text(&printing.out));
        buf_fini(&printing.out);
    }
}

/* Appends a DER element with a length of four octets. */
static void put_der(struct buf *out, uint8_t tag, struct span content)
{
    buf_byte(out, tag);
    buf_byte(out, 0x84);
    buf_u32(out, (uint32_t)content.len);
    buf_put(out, content);
}

/* A TBSCertificate with these extensions. */
static void put_tbs_with(struct buf *tbs, struct span extensions)
{
    static const char head[] = "\xa0\x03\x02\x01\x02\x02\x01\x07\x30\x03\x06\x01\x2a\x30\x00\x30\x1e\x17\x0d"
                               "260901000000Z\x17\x0d"
                               "260902000000Z\x30\x00\x30\x08\x30\x03\x06\x01\x2a\x03\x01\x00";
    struct buf list;
    struct buf fields;

    buf_init(&list, MOST);
    buf_init(&fields, MOST);
    put_der(&list, 0x30, extensions);
    buf_put(&fields, SPAN_LIT(head));
    put_der(&fields, 0xa3, buf_span(&list));
    put_der(tbs, 0x30, buf_span(&fields));
    buf_fini(&list);
    buf_fini(&fields);
}

/* A TBSCertificate with one SAN extension. */
static void put_tbs(struct buf *tbs, struct span names)
{
    static const uint8_t wraps[] = {0x30, 0x04, 0x30};
    struct buf inner;
    struct buf outer;

    buf_init(&inner, MOST);
    buf_init(&outer, MOST);
    buf_put(&inner, names);
    for (size_t i = 0; i < countof(wraps); i++) {
        buf_clear(&outer);
        put_der(&outer, wraps[i], buf_span(&inner));
        buf_clear(&inner);
        if (wraps[i] == 0x04)
            buf_put(&inner, SPAN_LIT("\x06\x03\x55\x1d\x11"));
        buf_put(&inner, buf_span(&outer));
    }
    put_tbs_with(tbs, buf_span(&inner));
    buf_fini(&inner);
    buf_fini(&outer);
}

static void many_names(struct buf *tbs, unsigned count)
{
    struct buf names;

    buf_init(&names, MOST);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        int len = snprintf(name, sizeof name, "n%u.example", i);
        buf_byte(&names, 0x82);
        buf_byte(&names, (uint8_t)len);
        buf_str(&names, name);
    }
    put_tbs(tbs, buf_span(&names));
    buf_fini(&names);
}

/* A name of megabytes is cut off with its length, or shown to its end. */
static void test_giant_name(void **state)
{
    size_t len = 3u << 20;
    char *uri = malloc(len);
    struct buf name;
    struct buf tbs;

    (void)state;
    assert_non_null(uri);
    memset(uri, 'u', len);
    buf_init(&name, MOST);
    buf_init(&tbs, MOST);
    put_der(&name, 0x86, span_of(uri, len));
    put_tbs(&tbs, buf_span(&name));
    struct printing some = print_bytes("giant", buf_span(&tbs), (struct certhuman){.now_s = NOW_S});
    assert_non_null(strstr(buf_text(&some.out), "uuu... (3145728 bytes)"));
    assert_true(some.out.len < 4096);
    struct printing all =
        print_bytes("giant", buf_span(&tbs), (struct certhuman){.now_s = NOW_S, .all = true});
    assert_true(all.out.len > len && memmem(all.out.at, all.out.len, uri, len) != NULL);
    buf_fini(&some.out);
    buf_fini(&all.out);
    buf_fini(&name);
    buf_fini(&tbs);
    free(uri);
}

/* Nothing is left out in silence, and nothing at all when all is asked for. */
static void test_many(void **state)
{
    struct buf tbs;

    (void)state;
    buf_init(&tbs, MOST);
    many_names(&tbs, 5000);
    struct printing some = print_bytes("many", buf_span(&tbs), (struct certhuman){.now_s = NOW_S});
    assert_non_null(strstr(buf_text(&some.out), "5000 DNS names"));
    assert_non_null(strstr(buf_text(&some.out), "and 4900 more (--all shows them)"));
    assert_null(strstr(buf_text(&some.out), "n777.example"));
    struct printing all =
        print_bytes("many", buf_span(&tbs), (struct certhuman){.now_s = NOW_S, .all = true});
    assert_null(strstr(buf_text(&all.out), "--all"));
    for (unsigned i = 0; i < 5000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "n%u.example", i);
        if (strstr(buf_text(&all.out), name) == NULL)
            fail_msg("%s is missing", name);
    }
    buf_fini(&some.out);
    buf_fini(&all.out);
    buf_fini(&tbs);
}

/* An entry whose leaf is missing has nothing to show; the others are shown, and it is named. */
static void test_no_leaf(void **state)
{
    struct span good = sample_load("../golden/entries.json");
    static const char bad[] = ",\n{\"extra_data\":\"\"},{\"leaf_input\":\"*\",\"extra_data\":\"\"}]}";
    uint8_t *copy = arena_take(&arena, good.len + sizeof bad + ARENA_PADDING, 1);
    struct printing printing = {.how = {.now_s = NOW_S}};
    struct err why = {0};

    (void)state;
    assert_non_null(copy);
    buf_init(&printing.out, MOST);
    size_t len = good.len - strlen("\n]}\n");
    memcpy(copy, good.at, len);
    memcpy(copy + len, bad, sizeof bad);
    assert_int_equal(certfile_walk("reply", span_of(copy, len + strlen(bad)), &arena, show, &printing, &why),
                     ERR_FORMAT);
    assert_string_equal(
        why.text, "reply: a get-entries reply (JSON), entry 3: its leaf_input is missing or not base64");
    assert_non_null(strstr(buf_text(&printing.out), "entry 2\n"));
    buf_fini(&printing.out);
    sample_free(good);
    arena_reset(&arena, 0);
}

/* Wherever it is cut off: what was not seen is not called absent. */
static void test_cut(void **state)
{
    static const char *const absences[] = {"no usage is written", "none (version", "no SCTs inside"};
    struct span text = sample_load("../golden/server.pem");
    struct pem pem = pem_of(text);
    struct pem_block block;
    size_t len;

    (void)state;
    assert_true(pem_next(&pem, &block));
    uint8_t *der = malloc(block.body.len);
    assert_non_null(der);
    assert_true(pem_decode(block.body, der, &len));
    for (size_t cut = 40; cut <= len; cut++) {
        struct printing printing =
            print_bytes("cut", span_of(der, cut), (struct certhuman){.now_s = NOW_S, .all = true});
        for (size_t i = 0; i < countof(absences); i++) {
            if (strstr(buf_text(&printing.out), absences[i]) != NULL)
                fail_msg("cut at %zu: %s", cut, buf_text(&printing.out));
        }
        bool whole = strstr(buf_text(&printing.out), "2 SCTs inside") != NULL;
        bool unread = strstr(buf_text(&printing.out), "SCTs are inside is unreadable") != NULL;
        assert_true(whole != unread);
        buf_fini(&printing.out);
    }
    free(der);
    sample_free(text);
}

/* The policies of a CA say what it may issue: nobody checked an organization for it. */
static void test_classes(void **state)
{
#define POLICIES                                                                                             \
    "\x30\x1b\x06\x03\x55\x1d\x20\x04\x14\x30\x12"                                                           \
    "\x30\x07\x06\x05\x67\x81\x0c\x01\x01\x30\x07\x06\x05\x67\x81\x0c\x01\x01"
#define IS_CA "\x30\x0c\x06\x03\x55\x1d\x13\x04\x05\x30\x03\x01\x01\xff"
    static const struct {
        struct span extensions;
        const char *said;
        const char *unsaid;
    } rows[] = {
        {SPAN_LIT(POLICIES), "\n  validated    EV, extended validation\n", "may issue"},
        {SPAN_LIT(IS_CA POLICIES), "\n  may issue    EV\n", "validat"},
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf tbs;
        buf_init(&tbs, MOST);
        put_tbs_with(&tbs, rows[i].extensions);
        struct printing printing = print_bytes("class", buf_span(&tbs), (struct certhuman){.now_s = NOW_S});
        if (strstr(buf_text(&printing.out), rows[i].said) == NULL ||
            strstr(buf_text(&printing.out), rows[i].unsaid) != NULL)
            fail_msg("%zu: %s", i, buf_text(&printing.out));
        buf_fini(&printing.out);
        buf_fini(&tbs);
    }
}

/* Made visible once, not twice. */
static void test_mail(void **state)
{
    struct buf tbs;

    (void)state;
    buf_init(&tbs, MOST);
    put_tbs(&tbs, SPAN_LIT("\x81\x07"
                           "a@\x1b[31m"));
    struct printing printing = print_bytes("mail", buf_span(&tbs), (struct certhuman){.now_s = NOW_S});
    assert_non_null(strstr(buf_text(&printing.out), " a@\\x1b[31m\n"));
    assert_null(strstr(buf_text(&printing.out), "\\\\"));
    buf_fini(&printing.out);
    buf_fini(&tbs);
}

/* A reply behind a byte order mark, as editors save it, is the same reply. */
static void test_marked(void **state)
{
    struct span reply = sample_load("../golden/entries.json");
    struct printing plain = print_bytes("reply", reply, (struct certhuman){.now_s = NOW_S});
    struct buf text;

    (void)state;
    buf_init(&text, MOST);
    buf_str(&text, "\xef\xbb\xbf");
    buf_put(&text, reply);
    struct printing marked = print_bytes("reply", buf_span(&text), (struct certhuman){.now_s = NOW_S});
    assert_string_equal(buf_text(&marked.out), buf_text(&plain.out));
    buf_fini(&marked.out);
    buf_fini(&plain.out);
    buf_fini(&text);
    sample_free(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_color),      cmocka_unit_test(test_moments),
        cmocka_unit_test(test_many),   cmocka_unit_test(test_giant_name), cmocka_unit_test(test_no_leaf),
        cmocka_unit_test(test_cut),    cmocka_unit_test(test_classes),    cmocka_unit_test(test_mail),
        cmocka_unit_test(test_marked),
    };

    must(arena_init(&arena, 128u << 20) &&
         dns_psl_load(SPAN_LIT("com\nnet\norg\nco.uk\nexample\n"), NULL) == ERR_OK);
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return result;
}
